"""A program that asks the API with a token."""

from typing import Any

from django.test import Client

from studio.models import Role
from tests import factories


class Program:
    def __init__(self, role: str = Role.ADMINISTRATOR, scope: str = "manage", owner: Any = None) -> None:
        self.owner = owner or factories.user(role=role)
        self.token, self.raw = factories.token(self.owner, scope=scope)
        self.client = Client(headers={"Authorization": f"Bearer {self.raw}"})

    def ask(self, method: str, path: str, body: Any = None, *, wanted: int = 200) -> Any:
        """What the answer holds, whose status must be the one that is wanted."""
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        answer = getattr(self.client, method)(f"/api{path}", **given)
        assert answer.status_code == wanted, answer.content if not answer.streaming else answer.status_code
        return answer.json() if answer.content else None

    def get(self, path: str, **wanted: int) -> Any:
        return self.ask("get", path, **wanted)

    def post(self, path: str, body: Any = None, *, wanted: int = 200) -> Any:
        return self.ask("post", path, {} if body is None else body, wanted=wanted)

    def put(self, path: str, body: Any = None, **wanted: int) -> Any:
        return self.ask("put", path, {} if body is None else body, **wanted)

    def patch(self, path: str, body: Any, **wanted: int) -> Any:
        return self.ask("patch", path, body, **wanted)

    def delete(self, path: str, *, wanted: int = 204) -> Any:
        return self.ask("delete", path, wanted=wanted)

    def upload(self, path: str, answers: dict[str, Any], *, wanted: int = 201) -> Any:
        """As a form with files."""
        answer = self.client.post(f"/api{path}", answers)
        assert answer.status_code == wanted, answer.content
        return answer.json()

    def download(self, path: str) -> bytes:
        answer = self.client.get(f"/api{path}")
        assert answer.status_code == 200
        assert answer["Content-Disposition"].startswith("attachment")
        return b"".join(answer)

    def refused(self, method: str, path: str, body: Any = None, *, status: int = 400) -> str:
        """The sentence that the API refuses with."""
        said = self.ask(method, path, {} if body is None and method != "get" else body, wanted=status)
        return str(said["error"]["message"])
