from studio.models import Event, Profile, Role
from tests.api.programs import Program


def test_a_program_is_told_whose_token_it_shows(reader: Program) -> None:
    found = reader.get("/profile")
    assert (found["username"], found["role"]) == (reader.owner.username, "Reader")
    assert (found["theme"], found["timeZone"], found["notices"]) == ("auto", "", "all")


def test_preferences_are_changed_and_what_is_left_out_stays(db: None) -> None:
    program = Program(Role.READER)
    program.patch("/profile", {"theme": "dark", "timeZone": "europe/berlin"})
    found = program.patch("/profile", {"notices": "failures", "tellsBrowser": True})
    assert (found["theme"], found["timeZone"], found["notices"]) == ("dark", "Europe/Berlin", "failures")
    assert found == program.get("/profile")
    assert Profile.objects.get(user=program.owner).tells_browser
    assert Event.objects.filter(action="account.preferences").last().through == "token"  # type: ignore[union-attr]


def test_a_token_that_only_looks_changes_nothing(reader: Program) -> None:
    assert "The scope of the token" in reader.refused("patch", "/profile", {"theme": "dark"}, status=403)
    assert not Profile.objects.exists()


def test_a_wrong_preference_is_refused_with_a_sentence(db: None) -> None:
    program = Program()
    assert "timeZone: “Atlantis” is not a time zone" in program.refused(
        "patch", "/profile", {"timeZone": "Atlantis"}
    )
    assert "language: Select a valid choice" in program.refused("patch", "/profile", {"language": "tlh"})
    assert "role: Extra inputs are not permitted" in program.refused("patch", "/profile", {"role": "Reader"})
    assert "password: Extra inputs" in program.refused("patch", "/profile", {"password": "x"})
