"""Edit, make default and delete, of endpoints and of their deployments."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from studio.models import Deployment, Endpoint, Job
from tests import factories


def page_of(endpoint: Endpoint) -> str:
    return f"/endpoints/{endpoint.name}/"


def deployment_page(deployment: Deployment) -> str:
    return f"{page_of(deployment.endpoint)}deployments/{deployment.name}/"


def hidden(text: str, name: str) -> str:
    from html import unescape

    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', text)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize(
    "path", ["/endpoints/e/edit/", "/endpoints/e/delete/", "/endpoints/-/delete/?selected=e"]
)
def test_every_command_asks_who_is_there(client: Client, db: None, path: str) -> None:
    factories.endpoint("e")
    assert client.get(path)["Location"].startswith("/account/sign-in/")


# ---- The list


def test_index_narrows_to_the_state_of_the_last_job_and_to_a_person(signed_in: Client, person: Any) -> None:
    failed = factories.job(Job.Status.FAILED).endpoint
    factories.job(Job.Status.COMPLETED, deployment=failed.deployments.get(), created_by=person)
    Job.objects.filter(status="Failed").update(created_at="2030-01-01T00:00:00Z")
    running = factories.job(Job.Status.RUNNING).endpoint
    mine = factories.endpoint("mine", created_by=person)
    shown = {
        "job=failed": [failed],
        "job=running": [running],
        "job=completed": [],
        "job=none": [mine],
        "job=odd": [failed, running, mine],
        "by=ada": [mine],
        "by=nobody": [],
    }
    for query, wanted in shown.items():
        text = signed_in.get(f"/endpoints/?{query}").text
        for home in (failed, running, mine):
            assert (f'href="{page_of(home)}"' in text) is (home in wanted), query


@pytest.mark.parametrize("sort", ["name", "-default", "deployments", "-job", "created", "by", "nothing"])
def test_index_sorts_by_each_column(signed_in: Client, sort: str) -> None:
    factories.job()
    factories.endpoint()
    assert signed_in.get(f"/endpoints/?sort={sort}").status_code == 200


def test_index_sorts_by_the_time_of_the_last_job(signed_in: Client) -> None:
    older, newer = factories.job().endpoint, factories.job().endpoint
    text = signed_in.get("/endpoints/?sort=job").text
    assert text.index(f'"{page_of(older)}"') < text.index(f'"{page_of(newer)}"')


def test_delete_above_the_list_opens_the_dialog_of_the_selected_row(
    signed_in: Client, htmx: dict[str, str]
) -> None:
    home = factories.endpoint("screening")
    answer = signed_in.get("/endpoints/-/delete/?selected=screening", headers=htmx)
    assert f'action="{page_of(home)}delete/"' in answer.text
    assert "It has no deployments." in answer.text
    for query in ("", "?selected=screening&selected=other"):
        answer = signed_in.get(f"/endpoints/-/delete/{query}")
        assert answer.status_code == 400
        assert "Select one endpoint in the list first." in answer.text
    assert signed_in.post("/endpoints/-/delete/?selected=screening").status_code == 405


# ---- Edit an endpoint


def test_edit_opens_as_a_page_and_as_a_dialog(signed_in: Client, htmx: dict[str, str]) -> None:
    home = factories.endpoint(description="Weekly.", tags={"team": "risk"})
    for headers in ({}, htmx):
        text = signed_in.get(f"{page_of(home)}edit/", headers=headers).text
        assert "Weekly." in text
        assert "team=risk" in text
        assert ("<html" in text) is not bool(headers)


def test_edit_saves_description_and_tags(signed_in: Client) -> None:
    home = factories.endpoint()
    typed = {"revision": "1", "base": "{}", "description": "Daily.", "tags": "team=risk"}
    answer = signed_in.post(f"{page_of(home)}edit/", typed, follow=True)
    assert answer.redirect_chain == [(page_of(home), 302)]
    assert "Daily." in answer.text
    home.refresh_from_db()
    assert home.tags == {"team": "risk"}


@pytest.mark.parametrize(
    "wrong", [{"tags": "risk"}, {"revision": ""}, {"revision": "x"}, {"base": "{"}, {"description": "\0"}]
)
def test_edit_refuses_what_is_no_answer(signed_in: Client, wrong: dict[str, str]) -> None:
    home = factories.endpoint(description="Weekly.")
    typed = {"revision": "1", "base": "{}", "description": "Daily.", "tags": ""}
    assert signed_in.post(f"{page_of(home)}edit/", {**typed, **wrong}).status_code == 422
    home.refresh_from_db()
    assert home.description == "Weekly."


@pytest.mark.parametrize("base", ["[]", "3", "null", '"x"', '{"tags": 7}'])
def test_edit_of_an_overtaken_form_takes_any_base(signed_in: Client, base: str) -> None:
    home = factories.endpoint()
    typed = {"revision": "9", "base": base, "description": "Daily.", "tags": ""}
    assert signed_in.post(f"{page_of(home)}edit/", typed).status_code == 422


def test_two_people_editing_an_endpoint_lose_nothing(signed_in: Client) -> None:
    home = factories.endpoint("screening", description="Weekly.", tags={"team": "risk"})
    opened = signed_in.get(f"{page_of(home)}edit/").text
    other = Client()
    other.force_login(factories.user("bob"))
    theirs = {
        "revision": "1",
        "base": hidden(opened, "base"),
        "description": "Theirs.",
        "tags": "team=pricing",
    }
    assert other.post(f"{page_of(home)}edit/", theirs).status_code == 302
    mine = {**theirs, "description": "Mine.", "tags": "team=risk"}
    answer = signed_in.post(f"{page_of(home)}edit/", mine)
    assert answer.status_code == 422
    for shown in ("bob changed screening meanwhile.", "Theirs.", "Mine.", "Taken over", "team=pricing"):
        assert shown in answer.text
    again = {
        "revision": hidden(answer.text, "revision"),
        "base": hidden(answer.text, "base"),
        "description": "Both.",
        "tags": "team=pricing",
    }
    assert signed_in.post(f"{page_of(home)}edit/", again).status_code == 302
    home.refresh_from_db()
    assert (home.description, home.tags) == ("Both.", {"team": "pricing"})


# ---- Delete an endpoint


def test_delete_asks_for_the_name_and_says_what_goes(signed_in: Client) -> None:
    job = factories.job(Job.Status.COMPLETED)
    home = job.endpoint
    answer = signed_in.get(f"{page_of(home)}delete/")
    for shown in ("1 deployment goes with it:", job.deployment.name, "1 job stays, with its predictions."):
        assert shown in answer.text
    for typed in ("", "other", home.name.upper()):
        answer = signed_in.post(f"{page_of(home)}delete/", {"confirm_name": typed})
        assert answer.status_code == 422
        assert "This is not its name." in answer.text
    answer = signed_in.post(f"{page_of(home)}delete/", {"confirm_name": f" {home.name} "}, follow=True)
    assert f"The endpoint {home.name} is deleted, with 1 deployment." in answer.text
    assert not Endpoint.objects.exists()
    assert signed_in.get(f"/jobs/{job.name}/").status_code == 200


def test_delete_is_refused_while_a_job_runs_and_names_it(signed_in: Client) -> None:
    job = factories.job(Job.Status.RUNNING)
    home = job.endpoint
    for path in (page_of(home), f"{page_of(home)}delete/"):
        assert f"The job {job.display_name} has not ended." in signed_in.get(path).text
    assert f'href="/jobs/{job.name}/"' in signed_in.get(f"{page_of(home)}delete/").text
    answer = signed_in.post(f"{page_of(home)}delete/", {"confirm_name": home.name})
    assert answer.status_code == 403
    assert Endpoint.objects.exists()


def test_pages_of_an_endpoint_that_was_deleted_say_so(signed_in: Client, htmx: dict[str, str]) -> None:
    for path in (
        "/endpoints/e/",
        "/endpoints/e/edit/",
        "/endpoints/e/delete/",
        "/endpoints/e/deployments/d/",
    ):
        answer = signed_in.get(path)
        assert answer.status_code == 404
        assert "There is no endpoint “e”. It may have been deleted." in answer.text
    factories.endpoint("e")
    assert "has no deployment “d”" in signed_in.get("/endpoints/e/deployments/d/").text


@pytest.mark.parametrize("path", ["/endpoints/e/", "/endpoints/e/jobs/", "/endpoints/e/deployments/d/"])
def test_a_page_that_polls_itself_is_loaded_anew_when_its_thing_is_gone(
    signed_in: Client, htmx: dict[str, str], path: str
) -> None:
    answer = signed_in.get(path, headers={**htmx, "HX-Current-URL": f"http://testserver{path}?page=2"})
    assert answer.status_code == 200
    assert answer["HX-Refresh"] == "true"


# ---- Deployments


def test_cards_disable_what_cannot_be_done_with_the_reason(signed_in: Client) -> None:
    used = factories.deployment()
    text = signed_in.get(page_of(used.endpoint)).text
    assert "It is the default deployment." in text
    assert "Only a deployment that has failed can be tried again." in text
    assert f'href="{deployment_page(used)}edit/"' in text
    assert f'href="{deployment_page(used)}delete/"' in text  # the last one may go
    factories.deployment(endpoint=used.endpoint, is_default=False)
    text = signed_in.get(page_of(used.endpoint)).text
    assert "Make another one the default first." in text
    assert f'href="{deployment_page(used)}delete/"' not in text


def test_make_default_makes_it_the_default(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    other = factories.deployment(endpoint=home, is_default=False)
    answer = signed_in.post(f"{deployment_page(other)}default/", follow=True)
    assert f"{other.name} is the default deployment now." in answer.text
    home.refresh_from_db()
    assert home.default_deployment == other
    assert signed_in.get(f"{deployment_page(other)}default/").status_code == 405


def test_make_default_of_one_that_failed_is_refused(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED)
    answer = signed_in.post(f"{deployment_page(failed)}default/")
    assert answer.status_code == 403
    assert "Only one that has succeeded can be the default." in answer.text


def typed_settings(text: str, **changes: str) -> dict[str, str]:
    """What the form of *Edit settings* would send as it was opened."""
    base = json.loads(hidden(text, "base"))
    plain = {name: value for name, value in base.items() if not isinstance(value, (dict, list, bool))}
    typed = {name: "" if value is None else str(value) for name, value in plain.items()}
    typed["split_size"] = str(base["split_size"] >> 20)  # it is asked for in MB
    on = {name: "on" for name, value in base.items() if value is True}
    return {
        **typed,
        **on,
        "revision": hidden(text, "revision"),
        "base": hidden(text, "base"),
        **changes,
    }


def test_edit_settings_saves_them_for_jobs_to_come(signed_in: Client) -> None:
    used = factories.deployment(cluster=factories.cluster(max_nodes=3))
    path = f"{deployment_page(used)}edit/"
    opened = signed_in.get(path)
    assert "Jobs that were submitted already keep theirs." in opened.text
    changes = {"timeout": "90", "instance_count": "2", "environment_variables": "A=1", "tags": "a=b"}
    answer = signed_in.post(path, typed_settings(opened.text, **changes), follow=True)
    assert f"The settings of {used.name} are saved." in answer.text
    used.refresh_from_db()
    assert (used.settings["timeout"], used.settings["instance_count"]) == (90, 2)
    assert used.settings["environment_variables"] == {"A": "1"}
    assert used.settings["write_header"] is True
    assert used.tags == {"a": "b"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"instance_count": "2"}, "has at most 1 node"),
        ({"max_concurrency": "3"}, "has 2 slots, fewer than the max concurrency of 3"),
        ({"timeout": "0"}, "greater than or equal to 1"),
        ({"output_file_name": "a.txt"}, "must end in .csv or .parquet"),
        ({"environment_variables": "PATH=/x"}, "PATH is set by the studio"),
        ({"tags": "x"}, "is not name=value"),
    ],
)
def test_edit_settings_refuses(signed_in: Client, wrong: dict[str, str], sentence: str) -> None:
    used = factories.deployment()
    path = f"{deployment_page(used)}edit/"
    answer = signed_in.post(path, typed_settings(signed_in.get(path).text, **wrong))
    assert answer.status_code == 422
    assert sentence in answer.text
    used.refresh_from_db()
    assert used.revision == 1


def test_two_people_editing_one_deployment_lose_nothing(signed_in: Client) -> None:
    used = factories.deployment(name="gbt")
    path = f"{deployment_page(used)}edit/"
    opened = signed_in.get(path).text
    other = Client()
    other.force_login(factories.user("bob"))
    assert other.post(path, typed_settings(opened, timeout="60", mini_batch_size="20")).status_code == 302
    answer = signed_in.post(path, typed_settings(opened, timeout="90", max_retries="5"))
    assert answer.status_code == 422
    table = answer.text.partition("meanwhile-table")[2].partition("</table>")[0]
    for shown in ("Scoring timeout (seconds)", "60 s", "90 s"):
        assert shown in table
    assert "Max retries" not in table
    assert re.search(r"Mini batch size <strong>20</strong>", answer.text)
    for field, value in (("timeout", "90"), ("max_retries", "5"), ("mini_batch_size", "20")):
        assert re.search(rf'name="{field}" value="{value}"', answer.text)
    saved = typed_settings(answer.text, timeout="90", max_retries="5")
    assert signed_in.post(path, saved).status_code == 302
    used.refresh_from_db()
    kept = used.settings
    assert (kept["timeout"], kept["max_retries"], kept["mini_batch_size"]) == (90, 5, 20)


def test_delete_deployment_asks_and_deletes(signed_in: Client, htmx: dict[str, str]) -> None:
    job = factories.job(Job.Status.COMPLETED)
    used = job.deployment
    path = f"{deployment_page(used)}delete/"
    for headers in ({}, htmx):
        assert "1 job that it ran stays, with its predictions." in signed_in.get(path, headers=headers).text
    answer = signed_in.post(path, follow=True)
    assert answer.redirect_chain == [(page_of(used.endpoint), 302)]
    assert f"The deployment {used.name} is deleted." in answer.text
    assert "No deployments yet" in answer.text
    assert signed_in.get(f"/jobs/{job.name}/").status_code == 200


def test_delete_deployment_is_refused_while_it_is_the_default_of_others(signed_in: Client) -> None:
    used = factories.deployment()
    factories.deployment(endpoint=used.endpoint, is_default=False)
    path = f"{deployment_page(used)}delete/"
    assert "Make another one the default first." in signed_in.get(path).text
    assert signed_in.post(path).status_code == 403
    assert Deployment.objects.count() == 2


def test_a_customised_environment_is_shown(signed_in: Client) -> None:
    used = factories.deployment(has_own_environment=True)
    assert "(customised)" in signed_in.get(page_of(used.endpoint)).text
    assert "Customised: edited by a person" in signed_in.get(deployment_page(used)).text


def test_names_and_tags_are_shown_as_they_are(signed_in: Client) -> None:
    odd = '<b>"quoted" & ‏وصف‏ 🚢'
    home = factories.endpoint(description=odd, tags={odd: odd})
    factories.deployment(endpoint=home, description=odd, tags={odd: odd})
    for path in ("/endpoints/", page_of(home), f"{page_of(home)}edit/", f"{page_of(home)}delete/"):
        assert "<b>" not in signed_in.get(path).text


def test_detail_asks_the_database_as_often_for_many_running_jobs(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    home = factories.job(Job.Status.RUNNING).endpoint
    with queries() as few:
        signed_in.get(page_of(home))
    for _number in range(4):
        factories.job(Job.Status.RUNNING, deployment=factories.deployment(endpoint=home, is_default=False))
    with queries() as many:
        signed_in.get(page_of(home))
    assert len(many) == len(few)
