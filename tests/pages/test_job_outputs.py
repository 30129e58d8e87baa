import json
from pathlib import Path

import pytest

from studio.models import Job
from tests import factories
from tests.pages.job_rows import address, finished

pytestmark = pytest.mark.django_db
Status = Job.Status


def test_outputs_are_listed_once_they_are_asked_for(signed_in, store):
    job = finished(store)
    page = signed_in.get(address("outputs", job)).content.decode()
    assert "Show data outputs" in page
    assert address("download", job) not in page
    page = signed_in.get(address("outputs", job, show="data")).content.decode()
    assert address("preview", job, file="predictions.csv") in page
    assert address("download", job, file="predictions.csv") in page


def test_outputs_of_a_running_job_follow_by_themselves(signed_in, store, htmx):
    page = signed_in.get(address("outputs", factories.job(Status.RUNNING)), headers=htmx).content.decode()
    assert "is written when all mini-batches are done" in page
    assert "every 2s" in page


def test_preview_shows_the_rows_with_their_header(signed_in, store):
    page = signed_in.get(address("preview", finished(store, rows_scored=2), file="predictions.csv"))
    for shown in ("prediction", "file_name", "1.5", "Rows 0–1 of 2, counted from 0", ">0</th>", ">1</th>"):
        assert shown in page.content.decode()


def test_preview_pages_through_a_long_file(signed_in, store, htmx):
    rows = "".join(f"{n},p{n},a.csv\n" for n in range(120))
    job = finished(store, {"predictions.csv": "row,prediction,file_name\n" + rows}, rows_scored=120)
    part = signed_in.get(
        address("preview", job, file="predictions.csv", row="50"), headers=htmx
    ).content.decode()
    assert "Rows 50–99 of 120" in part
    assert "p50" in part
    assert "p49" not in part
    assert "<html" not in part
    last = signed_in.get(address("preview", job, file="predictions.csv", row="100")).context["page"]
    assert (last.last, last.before, last.after) == (119, 50, None)


@pytest.mark.parametrize("row", ["x", "-5", "0", "²", "٣", ""])
def test_preview_begins_at_the_start_for_what_is_no_row_number(signed_in, store, row):
    page = signed_in.get(address("preview", finished(store, rows_scored=2), file="predictions.csv", row=row))
    assert (page.context["page"].first, page.context["page"].before) == (0, None)


@pytest.mark.parametrize("row", ["2", "99999999", "100000000000000000000", "9" * 5000])
@pytest.mark.parametrize("file", ["predictions.csv", "errors.csv"])
def test_preview_of_a_row_behind_the_last_leads_back(signed_in, store, file, row):
    rows = "row,prediction,file_name\n0,1.5,a.csv\n1,2.5,a.csv\n"
    job = finished(store, {"predictions.csv": rows, "errors.csv": rows}, rows_scored=2)
    page = signed_in.get(address("preview", job, file=file, row=row)).context["page"]
    assert page.before == 0
    assert page.after is None
    assert page.first == 1 if file == "predictions.csv" else not page.rows


def test_preview_numbers_the_rows_as_the_file_does(signed_in, store):
    rows = "".join(f"{n},p{n},a.csv\n" for n in range(120))
    job = finished(store, {"predictions.csv": "row,prediction,file_name\n" + rows}, rows_scored=120)
    page = signed_in.get(address("preview", job, file="predictions.csv", row="7"))
    assert page.context["page"].rows[0][:2] == ["7", "p7"]
    assert 'class="row-number">7</th><td class="numeric">7</td>' in page.content.decode()
    assert 'name="row" min="0" value="7"' in page.content.decode()


def test_preview_of_a_file_without_header_row_numbers_the_columns(signed_in, store):
    job = finished(store, {"predictions.csv": "0,1.5,a.csv\n1,2.5,a.csv\n"})
    Job.objects.update(settings={**job.settings, "write_header": False})
    page = signed_in.get(address("preview", job, file="predictions.csv")).context["page"]
    assert [column.name for column in page.columns] == ["column 1", "column 2", "column 3"]
    assert len(page.rows) == 2


def test_preview_shows_the_summary_as_text(signed_in, store):
    job = finished(store, {"_summary.json": json.dumps({"rows": 400})})
    assert (
        "&quot;rows&quot;: 400"
        in signed_in.get(address("preview", job, file="_summary.json")).content.decode()
    )


def test_download_gives_the_file_as_it_is(signed_in, store):
    response = signed_in.get(address("download", finished(store), file="predictions.csv"))
    content = b"".join(response.streaming_content)
    assert content == b"row,prediction,file_name\n0,1.5,a.csv\n1,,a.csv\n"
    assert response["Content-Disposition"] == 'attachment; filename="predictions.csv"'
    assert int(response["Content-Length"]) == len(content)


@pytest.mark.parametrize("name", ["preview", "download"])
@pytest.mark.parametrize("file", ["secret.csv", "../secret.csv", "../../../secret.csv", "", "errors.csv"])
def test_what_the_job_did_not_write_is_not_found(signed_in, store, name, file):
    job = finished(store, {"predictions.csv": "row\n0\n", "secret.csv": "secret\n"})
    Path(store.options["root"], "secret.csv").write_text("secret\n")
    response = signed_in.get(address(name, job, file=file))
    assert response.status_code == 404


def test_what_stood_there_before_the_job_is_not_its_output(signed_in, store):
    job = finished(store, status=Status.FAILED, error="“predictions.csv” exists already", outputs=[])
    assert signed_in.get(address("outputs", job)).context["outputs"] == []


def test_outputs_of_a_running_summary_promise_no_predictions(signed_in, store):
    job = factories.job(Status.RUNNING)
    Job.objects.update(settings={**job.settings, "output_action": "summary_only"})
    page = signed_in.get(address("outputs", job)).content.decode()
    assert "This job keeps no predictions: _summary.json" in page
    assert "predictions.csv is written" not in page
