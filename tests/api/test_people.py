from django.contrib.auth import get_user_model
from django.test import Client

from studio.models import Role
from tests import factories
from tests.api.programs import Program


def test_a_person_is_invited_and_chooses_a_password(admin: Program) -> None:
    invited = admin.post("/people", {"username": "ada", "name": "Ada", "role": "Data scientist"}, wanted=201)
    assert (invited["name"], invited["role"], invited["active"]) == ("Ada", "Data scientist", True)
    assert "Choose" in Client().get(invited["link"], follow=True).text
    renewed = admin.post("/people/ada/link", wanted=201)
    assert renewed["link"] != invited["link"]


def test_a_person_gets_another_role_and_is_deactivated(admin: Program) -> None:
    program = Program(Role.READER, scope="read")
    path = f"/people/{program.owner.username}"
    assert admin.put(f"{path}/role", {"role": "Data scientist"})["role"] == "Data scientist"
    assert admin.post(f"{path}/deactivate")["active"] is False
    program.get("/clusters", wanted=401)
    assert admin.post(f"{path}/reactivate")["active"] is True
    assert "account is active" in admin.refused("post", f"{path}/reactivate", status=409)


def test_people_are_listed_by_role_and_state(admin: Program) -> None:
    factories.user("bob", role=Role.READER)
    factories.user("eve", role=Role.READER, is_active=False)
    listed = admin.get("/people?role=Reader&state=active")["value"]
    assert [one["username"] for one in listed] == ["bob"]
    assert admin.get("/people/eve")["active"] is False


def test_the_last_administrator_stays(admin: Program) -> None:
    path = f"/people/{admin.owner.username}/role"
    assert "last Administrator" in admin.refused("put", path, {"role": "Reader"}, status=409)


def test_a_wrong_invitation_is_refused_with_a_sentence(admin: Program) -> None:
    factories.user("bob")
    assert "There is a person of this name" in admin.refused("post", "/people", {"username": "BOB"})
    assert "email: Enter a valid email" in admin.refused(
        "post", "/people", {"username": "eve", "email": "no"}
    )
    assert "no such person" in admin.refused("get", "/people/nobody", status=404)
    assert not get_user_model().objects.filter(username="eve").exists()


def test_who_is_no_administrator_sees_nobody(scientist: Program) -> None:
    assert "Only an Administrator" in scientist.refused("get", "/people", status=403)
    assert "Only an Administrator" in scientist.refused("post", "/people", {"username": "eve"}, status=403)
