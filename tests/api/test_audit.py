from studio.models import Event
from tests.api.programs import Program


def test_events_say_who_did_what_through_which_token(admin: Program) -> None:
    admin.post("/tokens", {"name": "nightly"}, wanted=201)
    [event] = admin.get("/audit?act=token.create&through=token")["value"]
    assert (event["person"], event["token"], event["ip"]) == (
        admin.owner.username,
        str(admin.token),
        "127.0.0.1",
    )
    assert admin.get("/audit?since=2100-01-01T00:00:00Z")["value"] == []


def test_events_are_exported_and_that_is_on_record(admin: Program) -> None:
    lines = admin.download("/audit/export?act=token.create").decode().splitlines()
    assert lines[0].startswith("at,person,act,subject")
    assert len(lines) == 1 + Event.objects.filter(action="token.create").count()
    exported = Event.objects.get(action="audit.export")
    assert exported.details == {"act": "token.create"}


def test_who_is_no_administrator_sees_no_event(scientist: Program) -> None:
    for path in ("/audit", "/audit/export"):
        assert "Only an Administrator" in scientist.refused("get", path, status=403)
    assert not Event.objects.filter(action="audit.export").exists()


def test_a_wrong_filter_is_refused_with_a_sentence(admin: Program) -> None:
    assert "since: Input should be a valid datetime" in admin.refused("get", "/audit?since=yesterday")
