from pathlib import Path

import pytest
from django.urls import reverse

from studio.models import Draft, Job
from tests import factories

pytestmark = pytest.mark.django_db
Status = Job.Status


# ---- The wizard: beginning


@pytest.fixture
def used(store):
    """A deployment whose model needs the numbers x and age."""
    version = factories.model_version(signature=factories.signature(("x", "double"), ("age", "double")))
    return factories.deployment(model_version=version)


def begin(client, used, **query):
    client.get(reverse("jobs:new"), {"endpoint": used.endpoint.name, **query})
    return Draft.objects.latest("created_at")


def at(draft, step):
    return reverse("jobs:step", args=[draft.key, step])


def settings_of(deployment, **answers):
    return {"deployment": deployment.pk, "display_name": "brave_sun", **answers}


def wizard(client, deployment, until="review", **inputs):
    """A draft whose steps before `until` are answered."""
    draft = begin(client, deployment)
    answers = {"settings": settings_of(deployment), "input": inputs, "output": {}}
    for step, given in answers.items():
        if step == until:
            break
        assert client.post(at(draft, step), given).status_code == 302, step
    return draft


def test_new_lets_choose_an_endpoint(signed_in, store):
    deployment = factories.deployment()
    waiting = factories.deployment(status="Creating").endpoint
    page = signed_in.get(reverse("jobs:new")).content.decode()
    assert f"Create job on {deployment.endpoint.name}" in page
    assert waiting.name in page
    assert "no deployment that has succeeded" in page


def test_new_without_an_endpoint_says_what_to_do_first(signed_in):
    assert "No endpoints yet" in signed_in.get(reverse("jobs:new")).content.decode()


def test_new_asks_as_many_queries_for_many_endpoints_as_for_one(signed_in, store, queries):
    factories.deployment()
    signed_in.get(reverse("jobs:new"))
    with queries() as for_one:
        signed_in.get(reverse("jobs:new"))
    for _ in range(5):
        factories.deployment()
    with queries() as for_many:
        signed_in.get(reverse("jobs:new"))
    assert len(for_many) == len(for_one)


def test_new_begins_with_the_default_deployment_and_a_name(signed_in, used):
    factories.deployment(endpoint=used.endpoint, is_default=False)
    form = signed_in.get(at(begin(signed_in, used), "settings")).context["form"]
    assert form["deployment"].value() == used.pk
    assert form["display_name"].value().count("_") == 2


def test_new_begins_with_the_deployment_and_data_of_the_address(signed_in, used, store):
    other = factories.deployment(endpoint=used.endpoint, is_default=False, model_version=used.model_version)
    version = factories.data_asset(store, {"a.csv": "x,age\n1,2\n"}, name="patients")
    draft = begin(signed_in, used, deployment=other.name, data="patients")
    assert signed_in.get(at(draft, "settings")).context["form"]["deployment"].value() == other.pk
    signed_in.post(at(draft, "settings"), settings_of(other))
    assert signed_in.get(at(draft, "input")).context["form"].chosen_version == version


def test_new_on_an_endpoint_without_a_ready_deployment_is_refused(signed_in, store):
    waiting = factories.deployment(status="Creating")
    response = signed_in.get(reverse("jobs:new"), {"endpoint": waiting.endpoint.name})
    assert response.status_code == 403
    assert not Draft.objects.exists()


def test_the_draft_of_another_person_is_not_found(client, signed_in, used):
    draft = begin(signed_in, used)
    client.force_login(factories.user())
    assert client.get(at(draft, "settings")).status_code == 404
    assert client.post(at(draft, "settings"), settings_of(used)).status_code == 404
    assert client.get(reverse("jobs:check_input", args=[draft.key])).status_code == 404


def test_step_asks_to_sign_in(client, signed_in, used):
    draft = begin(signed_in, used)
    for path in (at(draft, "settings"), reverse("jobs:check_input", args=[draft.key])):
        assert client.get(path)["Location"].startswith(reverse("login"))


def test_step_takes_no_other_methods_and_steps(signed_in, used):
    draft = begin(signed_in, used)
    assert signed_in.put(at(draft, "settings")).status_code == 405
    assert signed_in.post(reverse("jobs:check_input", args=[draft.key])).status_code == 405
    assert signed_in.get(at(draft, "nonsense")).status_code == 404


def test_step_too_far_leads_to_the_first_open_one(signed_in, used):
    draft = begin(signed_in, used)
    assert signed_in.get(at(draft, "review"))["Location"] == at(draft, "settings")


# ---- The wizard: job settings


def test_settings_are_kept_for_a_reload_and_the_way_back(signed_in, used):
    draft = begin(signed_in, used)
    answers = {**used.settings, **settings_of(used), "override": "on", "timeout": 60, "max_concurrency": ""}
    assert signed_in.post(at(draft, "settings"), answers)["Location"] == at(draft, "input")
    form = signed_in.get(at(draft, "settings")).context["form"]
    assert (form["display_name"].value(), form["timeout"].value(), form["override"].value()) == (
        "brave_sun",
        60,
        True,
    )


def test_settings_begin_with_those_of_the_deployment(signed_in, store):
    deployment = factories.deployment()
    deployment.settings["mini_batch_size"] = 7
    deployment.save()
    form = signed_in.get(at(begin(signed_in, deployment), "settings")).context["form"]
    assert form["mini_batch_size"].value() == 7


def test_settings_follow_the_deployment_that_is_chosen(signed_in, used, htmx):
    other = factories.deployment(endpoint=used.endpoint, is_default=False)
    other.settings["mini_batch_size"] = 7
    other.save()
    draft = begin(signed_in, used)
    part = signed_in.get(at(draft, "settings"), {"deployment": other.pk}, headers=htmx)
    assert part.context["form"]["mini_batch_size"].value() == 7
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize(
    ("answers", "field", "sentence"),
    [
        ({"display_name": ""}, "display_name", "This field is required."),
        ({"deployment": "0"}, "deployment", "Select a valid choice"),
        ({"timeout": "0"}, "timeout", "greater than or equal to 1"),
        ({"instance_count": "99"}, "instance_count", "has at most"),
        ({"max_concurrency": "99"}, "max_concurrency", "slots"),
        ({"output_file_name": "a/b.csv"}, "output_file_name", "must not contain /"),
        ({"output_file_name": "predictions.txt"}, "output_file_name", "must end in .csv or .parquet"),
    ],
)
def test_settings_that_break_a_rule_are_refused_with_a_sentence(signed_in, used, answers, field, sentence):
    draft = begin(signed_in, used)
    given = {**used.settings, **settings_of(used), "override": "on", "max_concurrency": "", **answers}
    response = signed_in.post(at(draft, "settings"), given)
    assert response.status_code == 422
    assert sentence in " ".join(response.context["form"].errors[field])
    assert sentence in response.content.decode()


def test_settings_without_the_switch_are_not_read(signed_in, used):
    draft = begin(signed_in, used)
    assert signed_in.post(at(draft, "settings"), settings_of(used, timeout="nonsense")).status_code == 302
    draft.refresh_from_db()
    assert "timeout" not in draft.step("settings")


# ---- The wizard: data source

GOOD = {"a.csv": "age,x,city\n1,2.5,Ulm\n"}


def test_input_without_any_data_asset_leads_to_data(signed_in, used):
    page = signed_in.get(at(wizard(signed_in, used, until="input"), "input")).content.decode()
    assert "There is no data asset yet." in page
    assert reverse("data:new") in page


def test_input_shows_the_first_rows_against_the_signature(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="input")
    part = signed_in.get(
        reverse("jobs:check_input", args=[draft.key]), {"source": "dataset", "dataset": version.asset.pk}
    )
    verdicts = {line.column: line.label for line in part.context["verdicts"]}
    assert verdicts == {"x": "matches", "age": "cast from long", "city": "extra, ignored"}
    page = part.content.decode()
    assert "1 file" in page
    assert "1 (latest)" in page
    assert "<html" not in page


def test_input_that_is_kept_is_shown_again_with_its_rows(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, source="dataset", dataset=version.asset.pk)
    page = signed_in.get(at(draft, "input"))
    assert page.context["form"].chosen_version == version
    assert "cast from long" in page.content.decode()


def test_input_without_a_required_column_is_refused_by_its_name(signed_in, used, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n"})
    draft = wizard(signed_in, used, until="input")
    answers = {"source": "dataset", "dataset": version.asset.pk, "asset_version": version.pk}
    response = signed_in.post(at(draft, "input"), answers)
    assert response.status_code == 422
    page = response.content.decode()
    assert "The model needs the column age, which this input does not have." in page
    assert '<button type="button" class="btn btn-primary" aria-disabled="true"' in page
    assert {line.column: line.label for line in response.context["verdicts"]}["age"] == "missing"


def test_check_input_takes_the_block_away_once_the_choice_is_good(signed_in, used, store):
    bad = factories.data_asset(store, {"a.csv": "x\n1\n"})
    good = factories.data_asset(store, GOOD)
    check = reverse("jobs:check_input", args=[wizard(signed_in, used, until="input").key])
    part = signed_in.get(check, {"source": "dataset", "dataset": bad.asset.pk}).content.decode()
    assert 'id="wizard-footer" hx-swap-oob="true"' in part
    assert 'name="was_blocked"' in part
    part = signed_in.get(
        check, {"source": "dataset", "dataset": good.asset.pk, "was_blocked": "1"}
    ).content.decode()
    assert 'id="wizard-footer" hx-swap-oob="true"' in part
    assert "aria-disabled" not in part


def test_check_input_of_nothing_asks_to_choose(signed_in, used, store):
    draft = wizard(signed_in, used, until="input")
    part = signed_in.get(reverse("jobs:check_input", args=[draft.key])).content.decode()
    assert "Choose the data" in part


@pytest.mark.parametrize("key", ["nonsense", "-1", "99999999"])
def test_check_input_of_keys_that_do_not_exist_asks_to_choose(signed_in, used, store, key):
    draft = wizard(signed_in, used, until="input")
    asked = {"source": "dataset", "dataset": key, "asset_version": key}
    assert (
        "Choose the data"
        in signed_in.get(reverse("jobs:check_input", args=[draft.key]), asked).content.decode()
    )


def test_input_of_another_datasets_version_is_refused(signed_in, used, store):
    one, other = factories.data_asset(store, GOOD), factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="input")
    answers = {"source": "dataset", "dataset": one.asset.pk, "asset_version": other.pk}
    response = signed_in.post(at(draft, "input"), answers)
    assert response.status_code == 422
    assert "That is a version of another dataset." in response.content.decode()


def test_input_without_a_choice_is_refused(signed_in, used, store):
    factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="input")
    response = signed_in.post(at(draft, "input"), {"source": "dataset"})
    assert response.status_code == 422
    assert "Choose a dataset" in " ".join(response.context["form"].errors["dataset"])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../outside", "leaves its datastore"),
        ("/etc/passwd", "leaves its datastore"),
        ("a/../../outside", "leaves its datastore"),
        ("nothing/here", "There is nothing at “nothing/here”"),
        ("empty", "The input contains no file to score."),
        ("texts", "readme.txt cannot be scored: files of type .txt are not supported."),
        ("latin", "latin.csv"),
        ("", "Give the path of a file or folder."),
    ],
)
def test_input_at_a_wrong_path_is_refused_with_a_sentence(signed_in, used, store, path, sentence):
    root = Path(store.options["root"])
    for name, content in {
        "empty/_hidden": b"",
        "texts/readme.txt": b"x",
        "latin/latin.csv": "x,ä\n1,2\n".encode("latin-1"),
    }.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(content)
    draft = wizard(signed_in, used, until="input")
    answers = {"source": "datastore", "datastore": store.pk, "path": path}
    response = signed_in.post(at(draft, "input"), answers)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    draft.refresh_from_db()
    assert "input" not in draft.answers


# ---- The wizard: output location and review


def reviewed(client, deployment, store, output=None):
    version = factories.data_asset(store, GOOD)
    draft = wizard(client, deployment, until="output", source="dataset", dataset=version.asset.pk)
    return draft, client.post(at(draft, "output"), output or {})


def test_output_is_the_default_location_unless_asked(signed_in, used, store):
    draft, response = reviewed(signed_in, used, store)
    assert response["Location"] == at(draft, "review")
    page = signed_in.get(at(draft, "output")).content.decode()
    assert "By default the predictions go to the folder" in page


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../outside", "leaves its datastore"),
        ("taken", "exists already, and the studio never overwrites."),
        ("busy", "Another job is writing to"),
        ("", "Fill this in, or turn the output configuration off."),
    ],
)
def test_output_at_a_wrong_location_is_refused_with_a_sentence(signed_in, used, store, path, sentence):
    taken = Path(store.options["root"], "taken", "predictions.csv")
    taken.parent.mkdir(parents=True)
    taken.write_text("mine")
    factories.job(Status.RUNNING, datastore=store, output_path="busy")
    _draft, response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": path}
    )
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert taken.read_text() == "mine"


def test_review_shows_every_answer_with_a_way_to_change_it(signed_in, used, store):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out/november"}
    )
    page = signed_in.get(at(draft, "review")).content.decode()
    for shown in (
        "brave_sun",
        used.name,
        used.model_label,
        "version 1",
        "out/november",
        "Mini batch size",
        "default",
    ):
        assert shown in page
    for step in ("settings", "input", "output"):
        assert f'href="{at(draft, step)}"' in page


def test_review_creates_the_job_that_was_described(signed_in, used, store, person):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out/november"}
    )
    response = signed_in.post(at(draft, "review"))
    job = Job.objects.get()
    assert response["Location"] == reverse("jobs:detail", args=[job.name])
    assert (job.display_name, job.deployment, job.created_by) == ("brave_sun", used, person)
    assert (job.output_datastore, job.output_path) == (store, "out/november")
    assert job.input_asset is not None
    assert set(job.setting_origins.values()) == {"default"}


def test_review_keeps_what_the_job_overrides(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = begin(signed_in, used)
    answers = {**used.settings, **settings_of(used), "override": "on", "timeout": 60, "max_concurrency": ""}
    signed_in.post(at(draft, "settings"), answers)
    signed_in.post(at(draft, "input"), {"source": "datastore", "datastore": store.pk, "path": version.path})
    signed_in.post(at(draft, "output"), {})
    signed_in.post(at(draft, "review"))
    job = Job.objects.get()
    assert (job.settings["timeout"], job.setting_origins["timeout"]) == (60, "job")
    assert (job.settings["max_concurrency"], job.setting_origins["max_retries"]) == (None, "default")
    assert (job.input_asset, job.input_path) == (None, version.path)


def test_create_pressed_twice_makes_one_job(signed_in, used, store):
    draft, _response = reviewed(signed_in, used, store)
    first, second = signed_in.post(at(draft, "review")), signed_in.post(at(draft, "review"))
    assert first["Location"] == second["Location"]
    assert Job.objects.count() == 1
    assert signed_in.get(at(draft, "settings"))["Location"] == first["Location"]


def test_review_refuses_data_that_has_gone_meanwhile(signed_in, used, store):
    draft, _response = reviewed(signed_in, used, store)
    for file in Path(store.options["root"]).rglob("*.csv"):
        file.unlink()
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    assert "The input contains no file to score." in response.content.decode()
    assert not Job.objects.exists()


def test_review_refuses_an_output_that_was_taken_meanwhile(signed_in, used, store):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out"}
    )
    taken = Path(store.options["root"], "out", "predictions.csv")
    taken.parent.mkdir()
    taken.write_text("mine")
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    assert "exists already" in response.content.decode()
    assert at(draft, "output") in response.content.decode()
    assert not Job.objects.exists()
