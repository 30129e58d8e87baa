from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studio.forms.datastore_kinds.base import HIDDEN, PLAIN, CredentialsForm, DatastoreForm
from studio.stores import StoreAway


class SecretText(forms.Textarea):
    """Of several lines. Like a password it is not sent back."""

    def format_value(self, value: Any) -> None:
        return None


class SftpCredentials(CredentialsForm):
    not_secret = ("host_key",)

    host_key = forms.CharField(
        label=_("Host key of the server"),
        required=False,
        max_length=4000,
        help_text=_(
            "As in known_hosts: “ssh-ed25519 AAAA…”. Where you leave it out, the studio asks the server and shows the "
            "key’s fingerprint before it sends anything."
        ),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 2}),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs=HIDDEN),
    )
    private_key = forms.CharField(
        label=_("Private key"),
        required=False,
        max_length=20_000,
        help_text=_("Instead of a password: the text of its file, OpenSSH or PEM."),
        widget=SecretText(attrs={**PLAIN, "rows": 3}),
    )
    passphrase = forms.CharField(
        label=_("Passphrase of the private key"),
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs=HIDDEN),
    )

    def clean_host_key(self) -> str:
        from studio.stores.ssh import host_key_line, host_key_of

        given: str = self.cleaned_data["host_key"]
        try:
            return host_key_line(host_key_of(given)) if given else ""
        except ValueError:
            raise forms.ValidationError(
                gettext("This is no host key. Give a line such as “ssh-ed25519 AAAA…”, or nothing.")
            ) from None

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        self._check_login(answers)
        options = self.datastore.options if self.datastore else {}
        place = {**options, **answers}
        if (
            not place.get("host_key")
            and "host_key" not in self.errors
            and place.get("host")
            and place.get("port")
        ):
            self._show_host_key(place["host"], place["port"], known=options.get("host_key", ""))
        return answers

    def _check_login(self, answers: dict[str, Any]) -> None:
        from studio.stores.ssh import private_key_of

        password, key = answers.get("password"), answers.get("private_key")
        if not self.errors.keys() & {"password", "private_key"} and bool(password) == bool(key):
            self.add_error("password", gettext("Give a password or a private key, one of both."))
        elif key:
            try:
                private_key_of(key, answers.get("passphrase", ""))
            except ValueError as error:
                self.add_error("private_key", str(error))

    def _show_host_key(self, host: str, port: int, *, known: str) -> None:
        """To be confirmed by sending the form again, unless it is known."""
        from studio.stores.ssh import fingerprint, host_key_line, host_key_of, presented_host_key

        try:
            key = presented_host_key(host, port)
        except StoreAway as away:
            self.add_error("host" if "host" in self.fields else "host_key", str(away))
            return
        if host_key_line(key) == known:
            return
        self.data = {**dict(self.data.items()), self.add_prefix("host_key"): host_key_line(key)}
        words = {"server": host, "shown": fingerprint(key)}
        if known:
            sentence = gettext(
                "The server %(server)s shows another key than the one that was confirmed: %(shown)s instead of "
                "%(known)s. Nothing was sent to it. Ask who runs it; if it has a new key, confirm that one, and give "
                "the password or private key again."
            ) % {**words, "known": fingerprint(host_key_of(known))}
        else:
            sentence = (
                gettext(
                    "The server %(server)s shows the key %(shown)s. Nothing was sent to it yet. Compare this with what "
                    "its administrator says; if they agree, confirm it, and give the password or private key again."
                )
                % words
            )
        self.add_error("host_key", sentence)


class SftpForm(DatastoreForm, SftpCredentials):
    about = _("A folder of a server that is reached by SSH.")
    place = "host"
    credentials = SftpCredentials
    shown = {"host_key": "–"}

    host = forms.CharField(
        label=_("Host"),
        max_length=255,
        validators=[RegexValidator(r"^[\w.:-]+$", _("Give a host’s name or address alone, without a port."))],
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "sftp.example.com"}),
    )
    port = forms.IntegerField(label=_("Port"), initial=22, min_value=1, max_value=65535)
    user = forms.CharField(
        label=_("User"),
        max_length=255,
        validators=[RegexValidator(r"^[^\s:/]+$", _("Give the name of a user of the server."))],
        widget=forms.TextInput(attrs=PLAIN),
    )
    folder = forms.CharField(
        label=_("Folder on the server"),
        required=False,
        max_length=1000,
        help_text=_(
            "The whole path, or one in the user’s home; nothing for the home itself. What lies outside of it cannot be "
            "reached."
        ),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "/data/visits"}),
    )
