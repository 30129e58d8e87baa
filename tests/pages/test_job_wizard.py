import pytest
from django.urls import reverse

from studio.models import Draft
from tests import factories
from tests.pages.job_drafts import at, begin, overriding, settings_of

pytestmark = pytest.mark.django_db


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


def test_new_searches_sorts_and_keeps_the_data_that_was_chosen(signed_in, store, htmx):
    for name in ("houses", "patients"):
        factories.deployment(endpoint=factories.endpoint(name))
    page = signed_in.get(reverse("jobs:new"), {"data": "weekly", "sort": "name"}).content.decode()
    assert (
        page.count('<input type="hidden" name="data" value="weekly">') == 3
    )  # the search, and each row's button
    assert page.index("Create job on houses") < page.index("Create job on patients")
    part = signed_in.get(reverse("jobs:new"), {"search": "pat"}, headers=htmx).content.decode()
    assert "patients" in part
    assert "houses" not in part
    assert "<html" not in part


def test_new_shows_endpoints_page_by_page(signed_in, store):
    for _ in range(30):
        factories.endpoint()
    page = signed_in.get(reverse("jobs:new"), {"page": "2"})
    assert len(page.context["choices"]) == 5
    assert "Showing 26–30 of 30" in page.content.decode()


def test_new_reads_no_log_of_any_deployment(signed_in, store, queries):
    factories.deployment(log="a long log")
    with queries() as seen:
        signed_in.get(reverse("jobs:new"))
    for column in ("log", "traceback", "environment", "settings"):
        assert not any(f'."{column}"' in query["sql"] for query in seen)


def test_new_opened_again_takes_up_the_draft_that_was_not_touched(signed_in, used):
    draft, name = begin(signed_in, used), {"endpoint": used.endpoint.name}
    shown = signed_in.get(at(draft, "settings")).context["form"]["display_name"].value()
    assert signed_in.get(reverse("jobs:new"), name)["Location"] == at(draft, "settings")
    assert signed_in.get(at(draft, "settings")).context["form"]["display_name"].value() == shown
    signed_in.post(at(draft, "settings"), settings_of(used))
    assert signed_in.get(reverse("jobs:new"), name)["Location"] != at(draft, "settings")
    assert Draft.objects.count() == 2


def test_new_takes_up_no_draft_of_another_person(client, signed_in, used):
    draft = begin(signed_in, used)
    client.force_login(factories.user())
    assert begin(client, used) != draft


def test_new_makes_nothing_for_who_only_looks(signed_in, used):
    assert signed_in.head(reverse("jobs:new"), {"endpoint": used.endpoint.name}).status_code == 200
    assert not Draft.objects.exists()


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
    assert signed_in.put(reverse("jobs:check_input", args=[draft.key])).status_code == 405
    assert signed_in.get(at(draft, "nonsense")).status_code == 404


def test_step_too_far_leads_to_the_first_open_one(signed_in, used):
    draft = begin(signed_in, used)
    assert signed_in.get(at(draft, "review"))["Location"] == at(draft, "settings")


def test_settings_are_kept_for_a_reload_and_the_way_back(signed_in, used):
    draft = begin(signed_in, used)
    answers = overriding(used, timeout=60)
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


def test_settings_that_are_left_as_they_are_count_as_unchanged(signed_in, store):
    deployment = factories.deployment()
    del deployment.settings["split_size"]  # it was created before there was this setting
    deployment.save()
    form = signed_in.get(at(begin(signed_in, deployment), "settings")).context["form"]
    assert form["split_size"].value() == 32
    assert {one.field.name: one.own for one in form.overrides if one.is_changed} == {}
    assert next(one.own for one in form.overrides if one.field.name == "split_size") == "32 MB"


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
    given = overriding(used, **answers)
    response = signed_in.post(at(draft, "settings"), given)
    assert response.status_code == 422
    assert sentence in " ".join(response.context["form"].errors[field])
    assert sentence in response.content.decode()


def test_settings_without_the_switch_are_not_read(signed_in, used):
    draft = begin(signed_in, used)
    assert signed_in.post(at(draft, "settings"), settings_of(used, timeout="nonsense")).status_code == 302
    draft.refresh_from_db()
    assert "timeout" not in draft.step("settings")


def test_settings_that_are_as_the_deployment_has_them_are_not_called_changed(signed_in, used):
    form = signed_in.get(at(begin(signed_in, used), "settings")).context["form"]
    assert [one.field.name for one in form.overrides if one.is_changed] == []
    assert {one.field.name: one.plain for one in form.overrides}["split_size"] == "32"
