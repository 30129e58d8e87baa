"""Every address of the URL table, asked for by everybody: anonymous people and each role."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.http import FileResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from studio.middleware import HeadMiddleware
from studio.models import Draft, Job, Registration, Role, Trial
from tests import factories
from tests.journeys.addresses import ADDRESSES, address, names
from tests.pages.access import ACCESS, ROLES, TAKES_TOKENS, TAKES_TOKENS_TO_ACT, Access, Who
from tests.pages.job_rows import finished

# What addresses.py has no example of, since it is no page to look at.
ASSET = {"name": "{asset}"}
CLUSTER = {"name": "{cluster}"}
DEPLOYMENT = {"name": "{endpoint}", "deployment": "{deployment}"}
VERSION = {"name": "{model}", "version": "{version}"}
MORE_EXAMPLES: dict[str, dict[str, str]] = {
    "compute:start_selected": {"?": "selected={cluster}"},
    "compute:start": CLUSTER,
    "datastores:download": {"name": "{datastore}", "?": "path={file}"},
    "datastores:upload": {"name": "{datastore}"},
    "datastores:new_folder": {"name": "{datastore}"},
    "data:picture": {"name": "{asset}", "?": "file=a.png"},
    "datastores:picture": {"name": "{datastore}", "?": "path=a.png"},
    "uploads:piece": {"key": "0"},
    "jobs:files_download": {"name": "{job}"},
    "endpoints:retry": DEPLOYMENT,
    "endpoints:make_default": DEPLOYMENT,
    "models:registration": {"number": "{registration}"},
    "models:download_artifact": {**VERSION, "?": "file=MLmodel"},
    "jobs:check_input": {"key": "{job_draft}", "?": "source=dataset"},
    "jobs:metrics_download": {"name": "{job}", "?": "chart=throughput&format=csv"},
    "jobs:trials:new": {"key": "{job_draft}"},
    "jobs:trials:detail": {"key": "{job_draft}", "number": "{trial}"},
    "jobs:resubmit": {"name": "{job}"},
    "mlflow": {"path": "api/2.0/mlflow/registered-models/create"},
    "jobs:log_download": {"name": "{job}", "?": "path=logs/readme.txt"},
    "jobs:download": {"name": "{job}", "?": "file=predictions.csv"},
}
OPEN_TO_ALL = {"login", "oidc", "oidc_callback", "ui:theme", "welcome"}
POST_FORM = re.compile(r'<form\b[^>]*method="post".*?</form>', re.DOTALL)


def examples(name: str) -> dict[str, str]:
    return MORE_EXAMPLES.get(name) or next(iter(ADDRESSES[name]), {})


@pytest.fixture
def rows(store: Any, tmp_path: Path, settings: Any) -> dict[str, str]:
    """One row of everything; they belong to nobody, so that only roles decide."""
    settings.MLFLOW_IS_EMBEDDED = True
    files = [{"path": "MLmodel", "size": 1}]
    deployment = factories.deployment(model_version=factories.model_version(artifacts=files))
    node = factories.node(cluster=deployment.cluster, last_seen=timezone.now() + timedelta(hours=1))
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = finished(store, deployment=deployment, input_datastore=store, input_path=asset.path)
    version = deployment.model_version
    return {
        "model": version.registered_model.name,
        "version": str(version.version),
        "endpoint": deployment.endpoint.name,
        "deployment": deployment.name,
        "job": job.name,
        "asset": asset.asset.name,
        "file": f"{asset.path}/a.csv",
        "cluster": deployment.cluster.name,
        "node": node.name,
        "datastore": store.name,
        "person": str(factories.user("somebody").pk),
    }


def own_rows(person: Any, rows: dict[str, str]) -> dict[str, str]:
    """What only its owner sees."""
    job = Job.objects.get(name=rows["job"])
    settings = {"deployment": job.deployment_id, "display_name": "brave_sun"}
    job_draft = Draft.objects.create(
        kind=Draft.Kind.JOB,
        owner=person,
        answers={"endpoint": job.endpoint_id, "preset": settings, "settings": settings},
    )
    deployment_draft = Draft.objects.create(kind=Draft.Kind.DEPLOYMENT, owner=person, answers={"preset": {}})
    registration = Registration.objects.create(source="files", name="m", created_by=person)
    token, _raw = factories.token(person)
    trial = Trial.objects.create(
        created_by=person,
        deployment=job.deployment,
        settings=job.settings,
        datastore=job.input_datastore,
        path="in",
        status="Failed",
        finished_at=timezone.now(),
    )
    return {
        **rows,
        "job_draft": str(job_draft.key),
        "deployment_draft": str(deployment_draft.key),
        "registration": str(registration.pk),
        "trial": str(trial.pk),
        "token": str(token.pk),
    }


def people(rows: dict[str, str]) -> Iterator[tuple[Who, Any, dict[str, str]]]:
    """One of each role, and nobody, for whom there are somebody's drafts."""
    yield Who.EVERYBODY, None, own_rows(factories.user("owner"), rows)
    for who, role in ROLES.items():
        person = factories.user(f"a {role}", role=role)
        yield who, person, own_rows(person, rows)


def browser(person: Any, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    if person:
        client.force_login(person)
    return client


def read(response: Any) -> None:
    """To the end of a download, whose file is closed then."""
    if response.streaming:
        b"".join(response)


def outcome(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith("/account/sign-in/?next="):
        return "sign in"
    if response.status_code == 401:  # to a program
        return "sign in"
    if response.status_code == 403 and "Your role is" in response.text:  # and not the state of a thing
        return "refused"
    return "no such method" if response.status_code == 405 else "let in"


def expected(who: Who, allowed: Who) -> set[str]:
    if allowed == Who.NOBODY:
        return {"no such method", "sign in"} if who == Who.EVERYBODY else {"no such method"}
    if who >= allowed:
        return {"let in"}
    return {"sign in"} if who == Who.EVERYBODY else {"refused"}


def test_every_address_has_its_line_and_no_other_has() -> None:
    assert set(ACCESS) == set(names())


@pytest.mark.parametrize("method", Access._fields)
def test_each_role_is_let_in_where_the_table_says(rows: dict[str, str], method: str) -> None:
    wrong = []
    for who, person, theirs in people(rows):
        client = browser(person)
        cookies = {name: cookie.value for name, cookie in client.cookies.items()}
        for name, access in ACCESS.items():
            allowed = getattr(access, method)
            client.cookies = SimpleCookie(cookies)  # the last answer may have signed it out
            with transaction.atomic():  # what one request deletes, the next one finds again
                response = getattr(client, method)(address(name, examples(name), theirs))
                transaction.set_rollback(True)
            read(response)
            if outcome(response) not in expected(who, allowed) or response.status_code in (404, 500):
                wrong.append(f"{who.name} {method} {name}: {outcome(response)} ({response.status_code})")
    assert not wrong, "\n".join(wrong)


def test_head_is_answered_where_get_is(rows: dict[str, str]) -> None:
    person = factories.user()
    theirs = own_rows(person, rows)
    client = browser(person)
    for name, access in ACCESS.items():
        if access.get != Who.NOBODY:
            answer = client.head(address(name, examples(name), theirs))
            read(answer)
            assert answer.status_code < 400 or answer.status_code == 503, f"{name}: {answer.status_code}"


def test_no_file_is_read_for_head() -> None:
    file = io.BytesIO(b"x" * 9)
    asked = RequestFactory().head("/")
    answer: Any = HeadMiddleware(lambda request: FileResponse(file, as_attachment=True))(asked)
    assert (answer["Content-Length"], b"".join(answer), file.tell()) == ("9", b"", 0)


@pytest.mark.parametrize("role", Role)
def test_a_token_opens_what_the_table_says_and_nothing_else(rows: dict[str, str], role: Role) -> None:
    person = factories.user(role=role)
    theirs = own_rows(person, rows)
    _token, raw = factories.token(person, scope="manage")
    browser = Client(headers={"Authorization": f"Bearer {raw}"}, raise_request_exception=False)
    for name in ACCESS:
        response = browser.get(address(name, examples(name), theirs))
        read(response)
        seen = outcome(response) == "let in" and name not in OPEN_TO_ALL
        assert seen == (name in TAKES_TOKENS), f"{name}: {response.status_code}"


def test_a_token_sends_no_form(rows: dict[str, str]) -> None:
    person = factories.user()
    theirs = own_rows(person, rows)
    _token, raw = factories.token(person, scope="manage")
    client = Client(headers={"Authorization": f"Bearer {raw}"}, enforce_csrf_checks=True)
    for name, access in ACCESS.items():
        if access.post != Who.NOBODY and name not in TAKES_TOKENS_TO_ACT:
            assert client.post(address(name, examples(name), theirs)).status_code in (302, 403), name


def test_every_form_asks_for_the_token_of_its_browser(rows: dict[str, str]) -> None:
    person = factories.user("admin")
    theirs = own_rows(person, rows)
    client = browser(person, enforce_csrf_checks=True)
    for name, access in ACCESS.items():
        if access.post == Who.NOBODY:
            continue
        answer = client.post(address(name, examples(name), theirs))
        assert answer.status_code == 403, name
        assert "could not tell that the form came from its own page" in answer.text, name


def test_every_form_of_every_page_carries_the_token(rows: dict[str, str]) -> None:
    person = factories.user("admin")
    theirs = own_rows(person, rows)
    client = browser(person)
    seen = 0
    for name, access in ACCESS.items():
        if access.get == Who.NOBODY:
            continue
        answer = client.get(address(name, examples(name), theirs))
        read(answer)
        if answer.streaming or not answer["Content-Type"].startswith("text/html"):
            continue
        forms = POST_FORM.findall(answer.text)
        assert all("csrfmiddlewaretoken" in form for form in forms), name
        seen += len(forms)
    assert seen > 100
