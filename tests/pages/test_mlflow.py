"""`/mlflow/`: who may ask for what, and what never goes through."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any

import pytest
from django.test import Client

from studio.models import Event, Role
from tests import factories, running

API = "/mlflow/api/2.0/mlflow/"
FILES = "/mlflow/api/2.0/mlflow-artifacts/artifacts/"


@pytest.fixture
def mlflow(db: None, settings: Any) -> None:
    settings.MLFLOW_TRACKING_URI = settings.MLFLOW_ADDRESS = running.services.mlflow_uri
    settings.MLFLOW_IS_EMBEDDED = True


def program(role: Role = Role.DATA_SCIENTIST, scope: str = "manage") -> Client:
    _token, raw = factories.token(factories.user(role=role), scope=scope)
    return Client(headers={"Authorization": f"Bearer {raw}"}, enforce_csrf_checks=True)


def ask(client: Client, call: str, sent: Any = None, method: str = "post") -> Any:
    answer = getattr(client, method)(API + call, json.dumps(sent or {}), content_type="application/json")
    return answer.status_code, json.loads(b"".join(answer) if answer.streaming else answer.content)


def test_a_program_logs_and_registers_and_it_is_on_record(mlflow: None) -> None:
    client = program()
    status, made = ask(client, "experiments/create", {"name": "through the studio"})
    assert status == 200
    status, run = ask(client, "runs/create", {"experiment_id": made["experiment_id"]})
    source = run["run"]["info"]["artifact_uri"] + "/model"
    run_id = run["run"]["info"]["run_id"]
    assert ask(client, "registered-models/create", {"name": "passed"})[0] == 200
    version = {"name": "passed", "source": source, "run_id": run_id}
    assert ask(client, "model-versions/create", version)[0] == 200
    assert ask(client, "registered-models/delete", {"name": "passed"}, "delete")[0] == 200
    acts = Event.objects.filter(action="mlflow.call").order_by("pk").values_list("subject", "details__call")
    assert list(acts) == [
        ("through the studio", "POST experiments/create"),
        ("passed", "POST registered-models/create"),
        ("passed", "POST model-versions/create"),
        ("passed", "DELETE registered-models/delete"),
    ]
    assert {event.through for event in Event.objects.filter(action="mlflow.call")} == {"token"}


@pytest.mark.parametrize(
    ("role", "scope", "said"),
    [(Role.READER, "manage", "Your role is Reader"), (Role.ADMINISTRATOR, "run", "The scope of the token")],
)
def test_who_may_only_look_reads_and_changes_nothing(mlflow: None, role: Role, scope: str, said: str) -> None:
    client = program(role, scope)
    status, found = ask(client, "experiments/search", {"max_results": 1})
    assert (status, len(found["experiments"])) == (200, 1)
    status, refusal = ask(client, "experiments/create", {"name": "not mine to make"})
    assert (status, refusal["error_code"]) == (403, "PERMISSION_DENIED")
    assert said in refusal["message"]
    assert client.put(f"{FILES}a.txt", b"x").status_code == 403
    assert client.delete(f"{FILES}a.txt").status_code == 403
    status, found = ask(
        program(), "experiments/search", {"max_results": 9, "filter": "name LIKE 'not mine%'"}
    )
    assert not found.get("experiments")


def test_files_come_back_as_they_went_and_no_browser_runs_them(mlflow: None) -> None:
    client = program()
    page = b"<script>alert(document.domain)</script>" * 10_000
    stored = client.put(f"{FILES}7/a page%3F.html", page)
    assert (stored.status_code, len(list(stored)) <= 1) == (200, True)
    answer = client.get(f"{FILES}7/a page%3F.html")
    assert b"".join(answer) == page
    assert answer["Content-Length"] == str(len(page))
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'attachment; filename="a page?.html"'
    deleted = client.delete(f"{FILES}7/a page%3F.html")
    assert (deleted.status_code < 300, len(list(deleted)) <= 1) == (True, True)
    acts = Event.objects.filter(action="mlflow.call").order_by("pk").values_list("subject", "details__call")
    path = "api/2.0/mlflow-artifacts/artifacts/7/a page?.html"
    assert list(acts) == [(path, "PUT file"), (path, "DELETE file")]


def test_an_upload_that_is_cut_off_does_not_wait_for_its_rest(mlflow: None) -> None:
    begun = time.monotonic()
    answer = program().put(
        f"{FILES}7/cut.bin", CONTENT_LENGTH="1000000", **{"wsgi.input": BytesIO(b"x" * 1000)}
    )
    assert (answer.status_code, time.monotonic() - begun < 10) == (503, True)
    assert not Event.objects.filter(action="mlflow.call").exists()


def test_what_no_parser_reads_is_refused(mlflow: None) -> None:
    answer = program().post(f"{API}runs/create", b"[" * 100_000, content_type="application/json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_nobody_and_a_wrong_token_are_told_so_in_mlflows_words(mlflow: None, client: Client) -> None:
    status, said = ask(client, "experiments/search")
    assert (status, said["error_code"]) == (401, "UNAUTHENTICATED")
    assert "MLFLOW_TRACKING_TOKEN" in said["message"]
    wrong = Client(headers={"Authorization": "Bearer sst_wrong"})
    assert ask(wrong, "experiments/search")[0] == 401


def test_a_browser_looks_and_needs_its_token_to_send(mlflow: None, person: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    assert b"experiments" in b"".join(browser.get(f"{API}experiments/search?max_results=1"))
    answer = browser.post(f"{API}experiments/search", "{}", content_type="application/json")
    assert answer.status_code == 403
    assert "could not tell that the form came from its own page" in answer.text
    assert browser.get("/mlflow/")["Location"] == "/help/notebook/"


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "static-files/x.js",
        "graphql",
        "ajax-api/2.0/mlflow/experiments/search",
        "api/2.0/mlflow/webhooks",
        "api/3.0/mlflow/gateway/secrets/list",
        "api/3.0/jobs",
        "get-artifact",
        "api/2.0/mlflow/runs/../webhooks",
        "api/2.0/mlflow-artifacts/artifacts/../../x",
        "API/2.0/mlflow/runs/get",
    ],
)
def test_the_rest_of_mlflow_is_not_passed_on(mlflow: None, path: str) -> None:
    answer = program(Role.ADMINISTRATOR).get(f"/mlflow/{path}")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ("experiments/create", {"name": "x", "artifact_location": "file:///etc"}),
        ("experiments/create", {"name": "x", "artifactLocation": "/etc"}),
        ("experiments/create", json.dumps({"name": "x", "artifact_location": "/etc"})),
        ("model-versions/create", {"name": "x", "source": "/etc"}),
        ("model-versions/create", {"name": "x", "source": "http://169.254.169.254/"}),
        ("model-versions/create", {"name": "x"}),
    ],
)
def test_mlflow_is_led_to_no_other_place(mlflow: None, call: str, sent: Any) -> None:
    status, said = ask(program(Role.ADMINISTRATOR), call, sent)
    assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_call_is_no_file(mlflow: None) -> None:
    answer = program().post(f"{API}runs/search", b"x" * (17 << 20), content_type="application/json")
    assert answer.status_code == 413


def test_an_mlflow_that_is_away_is_said(db: None, settings: Any) -> None:
    settings.MLFLOW_IS_EMBEDDED = True  # and nobody listens at its address
    status, said = ask(program(), "experiments/search")
    assert (status, said["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "does not answer: no connection." in said["message"]


def test_an_mlflow_elsewhere_is_named(db: None, settings: Any) -> None:
    status, said = ask(program(), "experiments/search")
    assert status == 404
    assert f"This studio uses the MLflow at {settings.MLFLOW_ADDRESS}." in said["message"]


@pytest.fixture
def asked(db: None, settings: Any) -> Iterator[list[dict[str, str]]]:
    """Headers that a server in MLflow's place was sent; it answers with some of its own."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers.items()))
            self.send_response(200)
            for name, value in (
                ("Content-Type", "text/html"),
                ("Content-Length", "2"),
                ("Set-Cookie", "sessionid=x"),
                ("Location", "https://evil.example"),
                ("Access-Control-Allow-Origin", "*"),
                ("Content-Security-Policy", "default-src *"),
                ("HX-Redirect", "https://evil.example"),
                ("Keep-Alive", "timeout=5"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_words: Any) -> None:
            """It keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        settings.MLFLOW_TRACKING_URI = f"http://127.0.0.1:{server.server_port}"
        settings.MLFLOW_IS_EMBEDDED = True
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield seen
        server.shutdown()


def test_no_header_goes_through_that_is_not_named(asked: list[dict[str, str]]) -> None:
    client = program(Role.READER, "read")
    client.cookies["sessionid"] = "a-session"
    sent = {"X-Forwarded-For": "1.2.3.4", "Connection": "close, X-Odd", "X-Odd": "1", "Origin": "http://x"}
    answer = client.get(f"{API}runs/get?run_id=1", headers={**sent, "Range": "bytes=0-1"})
    assert b"".join(answer) == b"ok"
    names = {name.lower() for name in asked[0]}
    assert names <= {"host", "user-agent", "accept", "accept-encoding", "connection", "range"}
    assert asked[0]["Range"] == "bytes=0-1"
    back = {name.lower() for name in answer.headers}
    assert not back & {"location", "set-cookie", "access-control-allow-origin", "hx-redirect", "keep-alive"}
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "attachment" in answer["Content-Disposition"]
