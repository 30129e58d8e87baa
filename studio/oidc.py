"""The OpenID Connect provider that people may sign in with, as the settings name it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from studio import env

ROLES = ("Reader", "Data scientist", "Administrator")  # from the least to the most
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class OpenIdProvider:
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str
    scopes: tuple[str, ...]
    groups_claim: str
    roles: Mapping[str, str]  # of groups; empty: Administrators give roles
    default_role: str  # empty: who is in none of those groups is refused

    @property
    def key(self) -> str:
        """Stands beside a person's “sub” there: the same “sub” of another issuer is another person."""
        return f"oidc-{sha256(self.issuer.encode()).hexdigest()[:16]}"

    @property
    def is_on_this_machine(self) -> bool:
        return urlsplit(self.issuer).hostname in LOOPBACK

    def role_of(self, groups: Iterable[str]) -> str:
        """The most that one of the groups gives, else the default; empty where neither gives any."""
        given = {self.roles[group] for group in groups if group in self.roles}
        return max(given, key=ROLES.index, default=self.default_role)


def passwords_for_all() -> bool:
    return env.choice("STUDIO_PASSWORD_SIGN_IN", "everybody", ["everybody", "administrators"]) == "everybody"


def read_provider() -> OpenIdProvider | None:
    example = "https://login.example.com"
    issuer = env.url("STUDIO_OIDC_ISSUER", schemes=("https", "http"), example=example).rstrip("/")
    if not issuer and not passwords_for_all():
        raise env.SettingError(
            "STUDIO_PASSWORD_SIGN_IN is “administrators”, and without STUDIO_OIDC_ISSUER nobody else could sign in; "
            "set that too, or unset STUDIO_PASSWORD_SIGN_IN."
        )
    if not issuer:
        return None
    provider = OpenIdProvider(
        issuer=issuer,
        client_id=env.text("STUDIO_OIDC_CLIENT_ID"),
        client_secret=env.secret("STUDIO_OIDC_CLIENT_SECRET"),
        label=env.text("STUDIO_OIDC_LABEL", urlsplit(issuer).hostname or ""),
        scopes=tuple(env.text("STUDIO_OIDC_SCOPES", "openid profile email").split()),
        groups_claim=env.text("STUDIO_OIDC_GROUPS_CLAIM", "groups"),
        roles=env.pairs("STUDIO_OIDC_ROLES", ROLES),
        default_role=env.text("STUDIO_OIDC_DEFAULT_ROLE"),
    )
    _check(provider)
    return provider


def _check(provider: OpenIdProvider) -> None:
    if not provider.issuer.startswith("https://") and not provider.is_on_this_machine:
        raise env.SettingError(
            "STUDIO_OIDC_ISSUER starts with http://, which anybody between could change; write its https:// address."
        )
    for name, value in (("ID", provider.client_id), ("SECRET", provider.client_secret)):
        if not value:
            raise env.SettingError(
                f"STUDIO_OIDC_ISSUER is set and STUDIO_OIDC_CLIENT_{name} is not; write what the provider gave the "
                f"studio, or unset STUDIO_OIDC_ISSUER."
            )
    if "openid" not in provider.scopes:
        raise env.SettingError("STUDIO_OIDC_SCOPES lacks “openid”; write for example openid profile email.")
    if provider.default_role not in ("", *ROLES):
        raise env.SettingError(
            f"STUDIO_OIDC_DEFAULT_ROLE is “{provider.default_role}”; write one of: {', '.join(ROLES)}."
        )
    if not provider.roles and not provider.default_role:
        raise env.SettingError(
            "STUDIO_OIDC_ROLES and STUDIO_OIDC_DEFAULT_ROLE are both empty, so nobody could sign in; write the role of "
            "a group, for example STUDIO_OIDC_ROLES=studio-admins=Administrator, or a role for everybody."
        )
