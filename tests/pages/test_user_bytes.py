"""What people bring (data, models, logs, outputs) never runs in the browser of whoever looks at it: files leave the
studio as attachments of a type that no browser draws, and pages show them as escaped text.

Every address of the URL table stands in one of the tables here, so a new one is thought about.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from scoring.plan import Slice
from studio.models import Datastore, Job, JobLog, MiniBatch
from tests import factories
from tests.journeys.addresses import names
from tests.pages.job_drafts import at, begin, settings_of
from tests.pages.job_rows import finished

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"
SVG = f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">{SCRIPT}</svg>'
HTML = f"<!DOCTYPE html><html><body>{SCRIPT}<iframe src='https://example.com'></iframe></body></html>"
TABLE = f"x,age,city\n1,2,{SCRIPT}\n"
ODD = "<svg onload=alert(1)>\"'é.csv"  # a name that a file may have
DRAWN = (
    "text/html",
    "image/",
    "application/xhtml",
    "application/xml",
    "text/xml",
    "application/pdf",
    "javascript",
)
PLAYED = ("<iframe", "<embed", "<object", "<video", "<audio")

# Addresses that answer with bytes of people's: parts of the address, and its queries.
GIVE: dict[str, list[dict[str, str]]] = {
    "datastores:download": [{"path": f"web/{name}"} for name in ("evil.svg", "evil.html", "evil.png", ODD)],
    "jobs:download": [{"file": name} for name in ("predictions.csv", "evil.html", "evil.svg")],
    "jobs:log_download": [{"path": "logs/user/stdout/node/evil.html"}],
    "jobs:metrics_download": [{"chart": "throughput"}],
    "jobs:record": [{"download": ""}],
    "jobs:definition": [{"download": ""}],
    "jobs:files_download": [{}],
    "models:download_artifact": [{"file": name} for name in ("evil.html", "evil.svg", ODD)],
}
# Addresses that draw people's images anew: bytes of the studio's own.
DRAW: dict[str, list[dict[str, str]]] = {
    "data:picture": [{"file": ODD}, {"file": "b.csv"}],
    "datastores:picture": [{"path": f"web/{name}"} for name in ("evil.svg", "evil.html", "evil.png")],
}
# Pages that show what is in people's files, or how they are called.
SHOW: dict[str, list[dict[str, str]]] = {
    "data:detail": [{}],
    "data:explore": [{}, {"file": ODD}],
    "datastores:browse": [
        {"path": "web"},
        *({"path": f"web/{one}"} for one in ("evil.svg", "evil.html", ODD)),
    ],
    "data:browse": [{"path": "web"}],
    "jobs:browse_input": [{"path": "web"}],
    "jobs:check_input": [{"source": "datastore", "path": "tables"}],
    "jobs:detail": [{}],
    "jobs:record": [{}],
    "jobs:definition": [{}],
    "jobs:outputs": [{"show": "data"}, {"log": "logs/user/stdout/node/evil.html"}],
    "jobs:log": [{"path": "logs/user/stdout/node/evil.html"}],
    "jobs:preview": [{"file": "predictions.csv"}, {"file": "_summary.json"}],
    "jobs:errors": [{}],
    "jobs:files": [{}],
    "models:artifacts": [{"file": name} for name in ("evil.html", "evil.svg", ODD)],
}
# Those that have nothing of people's files: lists, forms, commands and what the studio itself has made.
NEITHER = {
    # MLflow's answers are closed in tests/pages/test_mlflow.py.
    "": "home account preferences password login logout welcome oidc oidc_callback oidc_connect oidc_disconnect "
    "api_docs api_document mlflow",
    "notices": "index news",
    "uploads": "begin piece",
    "audit": "index export",
    "people": "index invite change_role renew_link deactivate reactivate change_role_selected renew_link_selected "
    "deactivate_selected reactivate_selected",
    "tokens": "index new revoke",
    "compute": "index new start_selected stop_selected delete_selected detail nodes drain jobs edit start stop delete",
    "data": "index new check_name check_address delete_selected versions jobs edit archive delete",
    "datastores": "index new access_selected set_default_selected unregister_selected detail upload new_folder access "
    "credentials set_default unregister",
    "models": "index refresh delete_selected register_files register_run check_name registration detail edit delete "
    "versions version edit_version aliases delete_version endpoints jobs",
    "endpoints": "index delete_selected detail edit delete jobs update_default deployment retry edit_deployment "
    "delete_deployment make_default",
    "deployments": "new new_cluster step",
    "drafts": "discard",
    "jobs": "index new cancel_selected delete_selected step cancel rename resubmit retry delete metrics minibatches",
    "jobs:trials": "new detail",
    "help": "index troubleshooting topic",
    "ui": "theme",
}


@pytest.fixture
def mlflow(settings: Any) -> Iterator[None]:
    """An MLflow that gives every artifact as what a browser draws, with the same bytes."""

    class Drawing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(HTML)))
            self.end_headers()
            self.wfile.write(HTML.encode())

        def log_message(self, *said: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Drawing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.MLFLOW_TRACKING_URI = f"http://127.0.0.1:{server.server_address[1]}"
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def parts(signed_in: Client, store: Datastore, used: Any, mlflow: None) -> dict[str, list[Any]]:
    """People's files everywhere; the parts of the addresses by their nouns."""
    web = Path(store.options["root"], "web")
    web.mkdir(parents=True)
    for name, content in {"evil.svg": SVG, "evil.html": HTML, "evil.png": HTML, ODD: TABLE}.items():
        (web / name).write_text(content)
    (web.parent / "tables").mkdir()
    (web.parent / "tables" / ODD).write_text(TABLE)
    factories.data_asset(store, {ODD: TABLE, "b.csv": TABLE}, name="visits")
    files = [{"path": name, "size": len(HTML)} for name in ("evil.html", "evil.svg", ODD)]
    factories.model_version("risk", 1, artifacts=files)
    outputs = {
        "predictions.csv": f"row,prediction,file_name\n0,{SCRIPT},{ODD[:5]}\n",
        "evil.html": HTML,
        "evil.svg": SVG,
        "_summary.json": f'{{"says": "{SCRIPT}"}}',
        "errors.csv": f"file_name,row,stage,message\n{SCRIPT},1,read,{SCRIPT}\n",
    }
    job = finished(
        store,
        outputs,
        rows_scored=1,
        rows_failed=1,
        files_total=1,
        error=SCRIPT,
        error_input=ODD,
        input_label=f"store / {ODD}",
        input_path=ODD,
    )
    factories.minibatch(job, MiniBatch.Status.COMPLETED, slices=[Slice(path=ODD, size=10).to_dict()])
    JobLog.objects.create(job=job, path="logs/user/stdout/node/evil.html", text=HTML, size=len(HTML))
    draft = begin(signed_in, used)
    signed_in.post(at(draft, "settings"), settings_of(used))
    return {
        "data": ["visits"],
        "datastores": [store.name],
        "jobs": [job.name],
        "models": ["risk", 1],
        "data:browse": [],
        "jobs:browse_input": [draft.key],
        "jobs:check_input": [draft.key],
    }


def asked(name: str, query: dict[str, str], parts: dict[str, list[Any]]) -> tuple[str, dict[str, str]]:
    own = parts.get(name, parts[name.partition(":")[0]])
    if name == "jobs:check_input":
        query = {**query, "datastore": str(Datastore.objects.get().pk)}
    return reverse(name, args=own), query


def test_every_address_is_thought_about() -> None:
    neither = {
        f"{noun}:{name}" if noun else name for noun, listed in NEITHER.items() for name in listed.split()
    }
    known = set(GIVE) | set(DRAW) | set(SHOW)
    assert known | neither == set(names()), "Add a new address to one of the tables above."
    assert not neither & known


@pytest.mark.parametrize("name", GIVE)
def test_files_leave_as_attachments_that_no_browser_draws(
    signed_in: Client, parts: dict[str, list[Any]], name: str
) -> None:
    for query in GIVE[name]:
        answer = signed_in.get(*asked(name, query, parts))
        assert answer.status_code == 200, query
        assert answer["Content-Disposition"].startswith("attachment; filename"), query
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert not any(drawn in answer["Content-Type"] for drawn in DRAWN), query
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert b"".join(answer) if answer.streaming else answer.content


@pytest.mark.parametrize("name", DRAW)
def test_what_is_no_image_is_not_drawn(signed_in: Client, parts: dict[str, list[Any]], name: str) -> None:
    for query in DRAW[name]:
        answer = signed_in.get(*asked(name, query, parts))
        assert answer["Location"] == "/static/img/no-picture.svg", "which is the studio's own"


@pytest.mark.parametrize("name", SHOW)
def test_pages_show_files_as_text(
    signed_in: Client, parts: dict[str, list[Any]], name: str, htmx: dict[str, str]
) -> None:
    headers = htmx if name == "jobs:log" else {}
    for query in SHOW[name]:
        answer = signed_in.get(*asked(name, query, parts), headers=headers)
        page = answer.text
        assert answer.status_code == 200, query
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
        assert SCRIPT not in page, query
        assert "<svg onload" not in page
        assert 'onload="alert' not in page
        assert not [played for played in PLAYED if played in page.lower()], query
        assert "alert(1)" in page or "evil." in page, f"{name} shows nothing of it: {query}"


def test_an_upload_is_kept_and_given_back_whatever_type_it_says(signed_in: Client, store: Datastore) -> None:
    file = SimpleUploadedFile("page.csv", HTML.encode(), content_type="text/html")
    where = reverse("datastores:upload", args=[store.name])
    assert signed_in.post(where, {"files": [file]}).status_code == 302
    answer = signed_in.get(reverse("datastores:download", args=[store.name]), {"path": "page.csv"})
    assert answer["Content-Type"] == "application/octet-stream"
    assert b"".join(answer) == HTML.encode()


def test_no_address_of_a_job_gives_what_it_has_not_written(signed_in: Client, store: Datastore) -> None:
    job = finished(store, {"predictions.csv": "row,prediction,file_name\n", "secret.csv": "x"})
    assert Job.objects.get() == job
    for name in ("download", "preview"):
        for file in ("secret.csv", "../score/predictions.csv", "/etc/passwd"):
            assert signed_in.get(reverse(f"jobs:{name}", args=[job.name]), {"file": file}).status_code == 404
