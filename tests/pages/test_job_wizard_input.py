from pathlib import Path

import pytest
from django.urls import reverse

from tests import factories
from tests.pages.job_drafts import GOOD, at, begin, settings_of, wizard

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("key", ["nonsense", "-1", "99999999", "²", "9" * 30, "9" * 5000])
def test_check_input_of_keys_that_do_not_exist_asks_to_choose(signed_in, used, store, key):
    draft = wizard(signed_in, used, until="input")
    asked = {"source": "dataset", "dataset": key, "asset_version": key}
    assert (
        "Choose the data"
        in signed_in.get(reverse("jobs:check_input", args=[draft.key]), asked).content.decode()
    )


def test_input_of_another_data_assets_version_is_refused(signed_in, used, store):
    one, other = factories.data_asset(store, GOOD), factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="input")
    answers = {"source": "dataset", "dataset": one.asset.pk, "asset_version": other.pk}
    response = signed_in.post(at(draft, "input"), answers)
    assert response.status_code == 422
    assert "That is a version of another data asset." in response.content.decode()


def test_input_without_a_choice_is_refused(signed_in, used, store):
    factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="input")
    response = signed_in.post(at(draft, "input"), {"source": "dataset"})
    assert response.status_code == 422
    assert "Choose a data asset" in " ".join(response.context["form"].errors["dataset"])


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


def test_input_speaks_of_data_assets_under_the_name_that_azure_gives_the_choice(signed_in, used, store):
    factories.data_asset(store, GOOD)
    page = signed_in.get(at(wizard(signed_in, used, until="input"), "input")).content.decode()
    for shown in ("Registered dataset", "Data asset", "Search data assets"):
        assert shown in page
    assert "Choose a dataset" not in page


def test_input_says_how_its_file_is_written_and_a_job_may_know_better(signed_in, used, store):
    version = factories.data_asset(store, {"a.csv": "age;x;city\n1;2,5;Ulm\n"})
    draft = begin(signed_in, used)
    given = settings_of(used, **used.settings) | {"override": "on", "split_size": 32, "max_concurrency": ""}
    shown = {"auto": "semicolon, double quotes, UTF-8", "tab": "tab, double quotes, UTF-8"}
    for delimiter, words in shown.items():
        assert signed_in.post(at(draft, "settings"), given | {"delimiter": delimiter}).status_code == 302
        part = signed_in.get(
            reverse("jobs:check_input", args=[draft.key]),
            {"source": "dataset", "dataset": version.asset.pk},
        )
        assert words in part.content.decode()
