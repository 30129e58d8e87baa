"""How a start reads the OpenID Connect provider, and what it says where it cannot."""

from pathlib import Path

import pytest

from studio.env import SettingError
from studio.oidc import OpenIdProvider, read_provider

GOOD = {
    "ISSUER": "https://login.example.com/",
    "CLIENT_ID": "studio",
    "CLIENT_SECRET": "a-secret",
    "ROLES": "admins=Administrator, cn=science=Data scientist",
}


def read(monkeypatch: pytest.MonkeyPatch, **changes: str) -> OpenIdProvider | None:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(f"STUDIO_OIDC_{name}", value)
    return read_provider()


def test_without_an_issuer_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, ISSUER="") is None


def test_a_provider_is_read_and_its_secret_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    found = read(monkeypatch, CLIENT_SECRET="", CLIENT_SECRET_FILE=str(tmp_path / "secret"))
    assert found is not None
    assert (found.issuer, found.label) == ("https://login.example.com", "login.example.com")
    assert (found.client_secret, "from-a-file" in repr(found)) == ("from-a-file", False)
    assert found.roles == {"admins": "Administrator", "cn=science": "Data scientist"}
    assert found.role_of(["cn=science", "admins"]) == "Administrator"
    assert found.role_of(["kitchen"]) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ISSUER": "http://login.example.com"}, "write its https:// address"),
        ({"ISSUER": "login.example.com"}, "does not say its kind"),
        ({"CLIENT_ID": ""}, "STUDIO_OIDC_CLIENT_ID is not"),
        ({"CLIENT_SECRET": ""}, "STUDIO_OIDC_CLIENT_SECRET is not"),
        ({"SCOPES": "profile"}, "lacks “openid”"),
        ({"ROLES": "admins=Boss"}, "has “admins=Boss”; write name=choice"),
        ({"ROLES": "Administrator"}, "has “Administrator”"),
        ({"DEFAULT_ROLE": "Boss"}, "STUDIO_OIDC_DEFAULT_ROLE is “Boss”; write one of: Reader"),
        ({"ROLES": "", "DEFAULT_ROLE": ""}, "so nobody could sign in"),
    ],
)
def test_what_cannot_be_used_says_the_fix(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        read(monkeypatch, **changes)


def test_nobody_is_locked_out_by_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PASSWORD_SIGN_IN", "administrators")
    with pytest.raises(SettingError, match="nobody else could sign in"):
        read(monkeypatch, ISSUER="")
