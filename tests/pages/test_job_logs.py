from urllib.parse import quote

import pytest

from studio.models import Datastore, Job, JobLog
from tests import factories
from tests.pages.job_rows import address, finished

pytestmark = pytest.mark.django_db
Status = Job.Status
OUT = "logs/user/stdout/node-1/process001.stdout.txt"
POLL = {"HX-Request": "true", "HX-Trigger": "job", "HX-Target": "job"}


@pytest.fixture
def job(store):
    made = factories.job(Status.RUNNING)
    JobLog.objects.create(job=made, path=OUT, text="hello <b>\n", size=5 << 20)
    return made


def test_outputs_shows_the_tree_and_the_overview_first(signed_in, job):
    page = signed_in.get(address("outputs", job)).content.decode()
    assert f"log={quote(OUT, safe='')}" in page
    assert "5\N{NO-BREAK SPACE}MB" in page
    assert f"Job {job.name}" in page


def test_outputs_shows_the_log_in_the_address(signed_in, job):
    page = signed_in.get(address("outputs", job, log=OUT)).content.decode()
    assert "hello &lt;b&gt;" in page
    assert "The last 10 bytes of 5" in page
    assert 'aria-current="true"' in page


def test_a_log_that_is_not_there_says_so_on_the_page(signed_in, job):
    page = signed_in.get(address("outputs", job, log="logs/nothing.txt"))
    assert page.status_code == 200
    assert "This job has no log called “logs/nothing.txt”." in page.content.decode()


def test_the_viewer_asks_for_its_own_text_while_the_job_runs(signed_in, job, htmx):
    page = signed_in.get(address("outputs", job, log=OUT))
    poll = page.context["log"]["poll"]
    assert signed_in.get(poll, headers=htmx).status_code == 204
    JobLog.objects.update(text="hello\nagain\n", size=12)
    part = signed_in.get(poll, headers=htmx)
    assert "hello\nagain" in part.content.decode()
    assert "every 2s" in part.content.decode()
    assert "hx-preserve" not in part.content.decode()


def test_the_page_leaves_the_viewer_as_it_is_until_the_job_has_ended(signed_in, job):
    part = signed_in.get(address("outputs", job, log=OUT), headers=POLL).content.decode()
    assert "hx-preserve" in part
    assert "hello" not in part
    Job.objects.update(status=Status.FAILED, finished_at="2026-01-01T00:00:00Z", error="Broken.")
    part = signed_in.get(address("outputs", job, log=OUT), headers=POLL).content.decode()
    assert "hx-preserve" not in part
    assert "hello" in part
    assert "data-follow" in part
    assert "every" not in part


def test_a_log_without_javascript_is_a_page(signed_in, job):
    response = signed_in.get(address("log", job, path=OUT))
    assert response["Location"] == address("outputs", job, log=OUT)


def test_the_viewer_of_a_deleted_job_asks_no_more(signed_in, job, htmx):
    where = address("log", job, path=OUT)
    Job.objects.all().delete()
    assert signed_in.get(where, headers=htmx).status_code == 286


def test_a_log_is_downloaded_under_its_name(signed_in, job):
    response = signed_in.get(address("log_download", job, path=OUT))
    assert response["Content-Disposition"] == 'attachment; filename="process001.stdout.txt"'
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert b"".join(response.streaming_content) == b"hello <b>\n"
    assert signed_in.get(address("log_download", job, path="../etc/passwd")).status_code == 404


def test_outputs_in_an_unregistered_datastore_say_so_and_keep_the_logs(signed_in, store):
    job = finished(store)
    Datastore.objects.all().delete()
    page = signed_in.get(address("outputs", job))
    assert page.status_code == 200
    assert "The datastore was unregistered" in page.content.decode()
    assert "job_result.txt" in page.content.decode()
    for name in ("detail", "delete"):
        assert signed_in.get(address(name, job)).status_code == 200


def test_the_tree_asks_as_many_queries_for_many_nodes_as_for_one(signed_in, job, queries):
    with queries() as for_one:
        signed_in.get(address("outputs", job))
    for number in range(2, 30):
        JobLog.objects.create(job=job, path=f"logs/user/stdout/node-{number}/process001.stdout.txt")
    with queries() as for_many:
        signed_in.get(address("outputs", job))
    assert len(for_many) == len(for_one)
