"""What a job predicted, its mini-batches and its errors, as its page shows them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from studio.models import Job, MiniBatch
from studio.pages import job_results
from studio.templatetags.formats import part_of_file
from tests import factories
from tests.actions.test_job_metrics import completed, running, summary
from tests.pages.job_rows import address, finished

pytestmark = pytest.mark.django_db
Status = Job.Status
TABS = ("metrics", "minibatches", "errors")
ERRORS = "file_name,row,stage,message\n" + "".join(
    f'visits-{number % 3}.csv,{number},cast,"“x {number}” is not a <double>"\n' for number in range(120)
)


@pytest.fixture
def used(store):
    return factories.deployment()


# ---- All of them


@pytest.mark.parametrize("name", [*TABS, "metrics_download"])
def test_every_tab_asks_to_sign_in(client, used, name):
    assert client.get(address(name, factories.job(deployment=used))).status_code == 302


@pytest.mark.parametrize("name", [*TABS, "metrics_download"])
def test_every_tab_of_an_unknown_job_is_not_found(signed_in, name):
    assert signed_in.get(reverse(f"jobs:{name}", args=["batchjob-none"])).status_code == 404


@pytest.mark.parametrize("name", [*TABS, "metrics_download"])
def test_tabs_take_no_post(signed_in, used, name):
    assert signed_in.post(address(name, factories.job(deployment=used))).status_code == 405


@pytest.mark.parametrize("name", TABS)
@pytest.mark.parametrize("status", list(Status))
def test_every_tab_opens_for_a_job_in_every_status(signed_in, used, name, status):
    job = factories.job(status, deployment=used)
    page = signed_in.get(address(name, job))
    assert page.status_code == 200
    assert 'aria-current="page"' in page.content.decode()
    assert ("every" in page.content.decode().split('id="job"')[1][:300]) == (not job.is_finished)


@pytest.mark.parametrize("name", TABS)
def test_every_tab_answers_a_fragment(signed_in, used, htmx, name):
    part = signed_in.get(address(name, running(used, done=2, total=3)), headers=htmx)
    assert "<html" not in part.content.decode()
    assert 'id="job"' in part.content.decode()
    assert "HX-Request" in part["Vary"]


@pytest.mark.parametrize("name", TABS)
def test_the_queries_of_a_tab_do_not_grow_with_the_mini_batches(signed_in, used, queries, name):
    few, many = running(used, done=2, total=3), running(used, done=12, total=15)
    signed_in.get(address(name, few))
    with queries() as for_few:
        signed_in.get(address(name, few))
    with queries() as for_many:
        signed_in.get(address(name, many))
    assert len(for_many) == len(for_few)


# ---- Metrics


def test_metrics_compare_with_the_last_completed_job(signed_in, used):
    before = completed(used, [0.1, 0.2, 0.3, 0.4], ago=60, display_name="olden_whale")
    page = signed_in.get(address("metrics", completed(used, [0.1, 0.2, 0.3, None]))).content.decode()
    assert f'href="{reverse("jobs:metrics", args=[before.name])}"' in page
    for shown in (
        "olden_whale",
        "Histogram of prediction",
        "Stability index",
        "0.25",
        "Read, predict, write",
    ):
        assert shown in page


def test_metrics_without_an_earlier_job_say_so(signed_in, used):
    page = signed_in.get(address("metrics", completed(used, [0.1, 0.2]))).content.decode()
    assert "There is no earlier completed job of this deployment" in page


def test_metrics_of_classes_are_text_whatever_they_are_called(signed_in, used):
    job = completed(used, ["<script>alert(1)</script>", "a \"b\" 'c'", "مرحبا 🎉"])
    page = signed_in.get(address("metrics", job)).content.decode()
    assert "<script>alert" not in page
    assert "مرحبا" in page


def test_metrics_of_a_running_job_are_those_so_far(signed_in, used):
    page = signed_in.get(address("metrics", running(used, done=3, total=9))).content.decode()
    assert "So far" in page
    assert "Predictions of 3 of 3 completed mini-batches" in page
    assert "Rows per second over time" in page


def test_metrics_before_anything_is_scored_say_when_they_come(signed_in, used):
    page = signed_in.get(address("metrics", factories.job(Status.QUEUED, deployment=used))).content.decode()
    assert "Nothing scored yet" in page


def test_a_column_of_nulls_is_said_to_be_one(signed_in, used):
    import pyarrow as pa

    from scoring.scorer.sketching import sketch
    from scoring.summary import describe

    figures = describe(sketch=sketch(pa.array([None, None], pa.float64())))
    job = completed(used, [1.0])
    Job.objects.filter(pk=job.pk).update(summary={"predictions": {"prediction": figures}, "seconds": {}})
    assert "Every value is null" in signed_in.get(address("metrics", job)).content.decode()


def test_the_numbers_of_each_chart_can_be_taken_away(signed_in, used):
    job = running(used, done=3)
    Job.objects.filter(pk=job.pk).update(summary=summary(["benign", "benign", "a,b"]))
    answer = signed_in.get(address("metrics_download", job, chart="column-0"))
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == f'attachment; filename="{job.name}-column-0.csv"'
    assert answer.content.decode().splitlines()[:3] == [
        "value,rows,share",
        "benign,2,0.6666666666666666",
        '"a,b",1,0.3333333333333333',
    ]
    assert signed_in.get(address("metrics_download", job, chart="throughput")).content.startswith(
        b"second,rows per second\n"
    )
    assert b"read" in signed_in.get(address("metrics_download", job, chart="phases")).content.lower()


@pytest.mark.parametrize("chart", ["", "column-9", "../secret"])
def test_numbers_of_a_chart_that_is_not_there_are_not_found(signed_in, used, chart):
    job = completed(used, [1.0])
    assert signed_in.get(address("metrics_download", job, chart=chart)).status_code == 404


# ---- Mini-batches


@pytest.fixture
def mixed(used):
    """A running job with a mini-batch in each state: number → state."""
    job = running(used, done=3, total=5)
    batches = job.minibatches
    batches.filter(number=1).update(status="Failed", error="visits.csv: column “BMI” is missing", attempts=4)
    batches.filter(number=2).update(losses=1, failed_files=["a.csv"])
    batches.filter(number=3).update(status="Running", node="node-1", slot=0, started_at=timezone.now())
    return job


@pytest.mark.parametrize(
    ("state", "numbers"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("completed", [0, 2]),
        ("failed", [1]),
        ("retried", [1, 2]),
        ("with_losses", [2]),
        ("running", [3]),
        ("waiting", [4]),
        ("canceled", []),
        ("delete", [0, 1, 2, 3, 4]),
    ],
)
def test_minibatches_are_filtered_by_state(signed_in, mixed, state, numbers):
    response = signed_in.get(address("minibatches", mixed, state=state))
    assert [one.number for one in response.context["listing"].rows] == numbers
    assert ("Nothing matches" in response.content.decode()) == (not numbers)


@pytest.mark.parametrize("sort", job_results.SORTS)
def test_minibatches_are_sorted(signed_in, mixed, sort):
    for sign in ("", "-"):
        rows = signed_in.get(address("minibatches", mixed, sort=f"{sign}{sort}")).context["listing"].rows
        assert sorted(one.number for one in rows) == [0, 1, 2, 3, 4]


def test_minibatches_have_pages_in_both_directions(signed_in, used):
    job = factories.job(Status.RUNNING, deployment=used)
    rows = [MiniBatch(job=job, number=number, slices=[{"path": "a"}], bytes=1) for number in range(60)]
    MiniBatch.objects.bulk_create(rows)
    Job.objects.filter(pk=job.pk).update(minibatches_total=60)

    def numbers(**query):
        return [
            one.number for one in signed_in.get(address("minibatches", job, **query)).context["listing"].rows
        ]

    assert numbers() == list(range(25))
    assert numbers(page=3) == list(range(50, 60))
    assert numbers(page=99) == list(range(50, 60))
    assert numbers(sort="-number") == list(range(59, 34, -1))
    assert numbers(sort="-number", page=3) == list(range(9, -1, -1))
    assert numbers(state="waiting", page=2) == list(range(25, 50))


@pytest.mark.parametrize(
    ("path", "start", "end", "shown"),
    [
        ("a.csv", 0, 1 << 25, "the first 32 MB"),
        ("a.csv", 1 << 25, 1 << 26, "32 MB to 64 MB"),
        ("a.csv", 1 << 26, None, "from 64 MB on"),
        ("a.parquet", 2, 5, "row groups 3 to 5"),
        ("a.PQT", 5, None, "row groups from 6 on"),
        ("a.csv", 0, None, ""),
    ],
)
def test_a_mini_batch_says_which_part_of_its_file_it_is(path, start, end, shown):
    minibatch = MiniBatch(slices=[{"path": path, "start": start, "end": end}])
    assert part_of_file(minibatch).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_files_that_failed_in_a_completed_mini_batch_are_shown(signed_in, store):
    job = finished(store, {"errors.csv": ERRORS}, files_unscored=1, files_failed=1)
    scored = {"records": 1, "rows": 1, "errors": 0, "failed": ""}
    failed = {"failed": "ValueError: no <BMI>", "traceback": "line 7 of the model"}
    factories.minibatch(
        job,
        MiniBatch.Status.COMPLETED,
        slices=[{"path": "good.csv"}, {"path": "bad.csv"}],
        report={"slices": [scored, {**scored, **failed, "rows": 0}]},
        files_unscored=1,
        failed_files=["bad.csv"],
    )
    page = signed_in.get(address("errors", job)).content.decode()
    for shown in ("bad.csv", "mini-batch 0", "ValueError: no &lt;BMI&gt;", "line 7 of the model"):
        assert shown in page
    assert "good.csv" not in page
    assert "1 of 2 files failed" in signed_in.get(address("minibatches", job)).content.decode()


def test_a_very_large_job_is_sorted_by_number_alone_and_says_so(signed_in, mixed):
    Job.objects.filter(pk=mixed.pk).update(minibatches_total=job_results.MOST_SORTED + 1)
    response = signed_in.get(address("minibatches", mixed, sort="duration"))
    assert response.context["listing"].sort == "number"
    assert "is sorted by their number alone" in response.content.decode()


def test_the_timeline_says_in_words_what_it_draws(signed_in, mixed):
    page = signed_in.get(address("minibatches", mixed)).content.decode()
    for shown in (
        "Mini-batches over time in 2 slots",
        "completed after another try",
        "column “BMI” is missing",
        "1 node lost",
    ):
        assert shown in page


# ---- Errors


@pytest.fixture
def failing(store):
    return finished(
        store, {"errors.csv": ERRORS, "predictions.csv": "row,prediction\n"}, rows_failed=120, files_failed=3
    )


def test_errors_are_listed_page_by_page(signed_in, failing):
    first = signed_in.get(address("errors", failing))
    assert len(first.context["page"].errors) == 50
    assert "“x 0” is not a &lt;double&gt;" in first.content.decode()
    last = signed_in.get(address("errors", failing, line=100)).context["page"]
    assert [error.row for error in last.errors] == [str(number) for number in range(100, 120)]
    assert last.next is None
    assert first.context["page"].next == 50


def test_errors_are_searched_by_file(signed_in, failing):
    page = signed_in.get(address("errors", failing, file="VISITS-1")).context["page"]
    assert {error.file for error in page.errors} == {"visits-1.csv"}
    assert len(page.errors) == 40
    nothing = signed_in.get(address("errors", failing, file="other")).content.decode()
    assert "No failed row is of a file with these words" in nothing


@pytest.mark.parametrize("line", ["x", "-1", "9" * 40])
def test_a_line_that_is_none_does_no_harm(signed_in, failing, line):
    assert signed_in.get(address("errors", failing, line=line)).status_code == 200


def test_errors_csv_that_is_gone_is_said(signed_in, failing, store):
    from pathlib import Path

    Path(store.options["root"], failing.output_path, "errors.csv").unlink()
    assert "errors.csv" in signed_in.get(address("errors", failing)).content.decode()


def test_failed_mini_batches_have_their_traceback(signed_in, mixed):
    mixed.minibatches.filter(number=1).update(traceback="ValueError: <BMI>")
    Job.objects.filter(pk=mixed.pk).update(minibatches_failed=1)
    page = signed_in.get(address("errors", mixed)).content.decode()
    for shown in (
        "Mini-batch 1",
        "4 attempts",
        "ValueError: &lt;BMI&gt;",
        "written when all mini-batches are done",
    ):
        assert shown in page


def test_no_errors_is_good_news(signed_in, store):
    page = signed_in.get(address("errors", finished(store))).content.decode()
    assert "No errors" in page
    assert "Every row of the input was scored" in page


def test_a_job_that_failed_as_a_whole_says_why(signed_in, used):
    job = factories.job(
        Status.FAILED, deployment=used, error="The model cannot be loaded", traceback="ImportError"
    )
    page = signed_in.get(address("errors", job)).content.decode()
    for shown in ("The model cannot be loaded", "ImportError", "no single row is to blame"):
        assert shown in page


def test_the_tab_counts_the_errors(signed_in, failing):
    page = signed_in.get(address("detail", failing)).content.decode()
    assert f'href="{address("errors", failing)}"' in page
    assert '<span class="count">120</span>' in page


def test_job_duration_of_a_mini_batch_that_runs_grows():
    one = MiniBatch(status="Running", started_at=timezone.now() - timedelta(seconds=5))
    assert 5 <= one.duration < 6
    assert MiniBatch(status="Waiting").duration is None
