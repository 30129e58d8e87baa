"""An OpenID Connect provider that answers whatever a test wants, also what no honest one would."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from studio.oidc import OpenIdProvider

SECRET = "a-secret-of-the-studio"
OWN, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _number in range(2))


@dataclass
class AnyProvider:
    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)  # of the id_token, over the usual ones
    told: dict[str, Any] = field(default_factory=dict)  # what its userinfo says beside the subject
    key: Any = OWN
    algorithm: str = "RS256"
    # Status and text in place of a path's own.
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)  # forms that the token's address was sent
    nonce: str = ""

    def settings(self, **changes: Any) -> OpenIdProvider:
        values = {
            "client_id": "studio",
            "client_secret": SECRET,
            "label": "Clinic",
            "scopes": ("openid", "profile"),
            "groups_claim": "groups",
            "roles": {},
            "default_role": "Reader",
        }
        return OpenIdProvider(issuer=self.issuer, **{**values, **changes})

    def answer(self, path: str) -> tuple[int, str]:
        return self.answers.get(path) or (
            200,
            json.dumps(getattr(self, path.strip("/").rpartition("/")[2])()),
        )

    def openid_configuration(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        places["userinfo_endpoint"] = "userinfo"
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in places.items()}}

    def jwks(self) -> dict[str, Any]:
        known = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OWN.public_key()))
        return {"keys": [{**known, "kid": "one", "alg": "RS256"}]}

    def userinfo(self) -> dict[str, Any]:
        return {"sub": "ada-7", **self.told}

    def token(self) -> dict[str, Any]:
        usual = {
            "iss": self.issuer,
            "aud": "studio",
            "sub": "ada-7",
            "exp": time.time() + 60,
            "nonce": self.nonce,
        }
        signed = jwt.encode(
            {**usual, **self.claims}, self.key, algorithm=self.algorithm, headers={"kid": "one"}
        )
        return {"access_token": "an-access-token", "token_type": "Bearer", "id_token": signed}

    def begin(self, client: Client, wanted: str = "") -> dict[str, str]:
        """What the studio asks for, once its link was followed."""
        answer = client.get("/account/oidc/", {"next": wanted} if wanted else {})
        assert answer["Location"].startswith(f"{self.issuer}/auth?"), answer["Location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}
        self.nonce = asked["nonce"]
        return asked

    def sign_in(self, client: Client, wanted: str = "") -> Any:
        state = self.begin(client, wanted)["state"]
        return client.get("/account/oidc/callback/", {"code": "a-code", "state": state})


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@contextmanager
def any_provider() -> Iterator[AnyProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            status, text = provider.answer("/openid_configuration" if "well-known" in path else path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.asked.append(parse_qs(sent))
            self.do_GET()

        def log_message(self, *_words: Any) -> None:
            """It keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = AnyProvider(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
