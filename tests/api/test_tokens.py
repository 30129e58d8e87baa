from studio.models import ApiToken
from tests import factories
from tests.api.programs import Program


def test_a_token_is_made_told_once_used_and_revoked(scientist: Program) -> None:
    made = scientist.post("/tokens", {"name": "nightly", "scope": "run", "days": 30}, wanted=201)
    token = ApiToken.objects.get(name="nightly")
    assert made["token"].endswith(token.ending)
    told = scientist.get(f"/tokens/{made['id']}")
    assert made["token"] not in str(told)
    assert told["scope"] == "run"
    assert {one["id"] for one in scientist.get("/tokens")["value"]} == {made["id"], scientist.token.pk}
    scientist.delete(f"/tokens/{made['id']}")
    assert scientist.get(f"/tokens/{made['id']}")["revokedAt"]


def test_a_token_of_less_scope_makes_none_of_more_and_revokes_none(db: None) -> None:
    program = Program(scope="run")
    for method, path in (("post", "/tokens"), ("delete", f"/tokens/{program.token.pk}")):
        said = program.refused(method, path, {"name": "more", "scope": "manage"}, status=403)
        assert "The scope of the token" in said
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_tokens_of_others_are_not_there(scientist: Program) -> None:
    other, _raw = factories.token()
    assert "no such token among yours" in scientist.refused("get", f"/tokens/{other.pk}", status=404)
    scientist.delete(f"/tokens/{other.pk}", wanted=404)


def test_a_wrong_token_is_refused_with_a_sentence(scientist: Program) -> None:
    assert "days: Input should be 7, 30, 90 or 365" in scientist.refused(
        "post", "/tokens", {"name": "a", "days": 1}
    )
    assert "name: " in scientist.refused("post", "/tokens", {"name": "x" * 61})
    assert "You have a token of this name" in scientist.refused(
        "post", "/tokens", {"name": scientist.token.name}
    )
