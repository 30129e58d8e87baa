"""What each role is offered, and what belongs to whom."""

import html
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from studio import permissions
from studio.actions.data import register_data_asset
from studio.actions.people import set_up_roles
from studio.errors import FieldErrors, NotAllowed
from studio.models import DataAsset, Endpoint, Job, Role
from tests import factories

pytestmark = pytest.mark.django_db
SCIENTIST = "A Data scientist or an Administrator can do this. Your role is Reader."
ADMINISTRATOR = "Only an Administrator can do this. Your role is Data scientist."


@pytest.fixture
def as_role() -> Callable[[Role], Client]:
    def signed_in(role: Role) -> Client:
        client = Client()
        client.force_login(factories.user(role=role))
        return client

    return signed_in


def reasons(page: str) -> dict[str, str]:
    """Label of each disabled command, and its tooltip."""
    tips = dict(re.findall(r'id="(why-[0-9a-f]+)">([^<]*)<', page))
    found = re.findall(
        r'aria-disabled="true" aria-describedby="(why-[0-9a-f]+)"[^>]*>(.*?)</(?:button|summary)>', page
    )
    return {re.sub(r"<[^>]*>", "", label).strip(): html.unescape(tips[why]) for why, label in found}


@pytest.mark.parametrize(
    ("address", "commands"),
    [
        ("/", {"Create job", "Create deployment"}),
        ("/jobs/", {"Create job", "Cancel", "Delete"}),
        ("/models/", {"Register", "Delete", "Deploy"}),
        ("/endpoints/", {"Create", "Delete"}),
        ("/data/", {"Create", "Delete"}),
        ("/jobs/{job}/", {"Resubmit", "Retry failed", "Cancel", "Delete"}),
        ("/endpoints/{endpoint}/", {"Add deployment", "Create job", "Update default deployment", "Delete"}),
    ],
)
def test_a_reader_is_told_who_can_do_it(
    as_role: Callable[[Role], Client], store: Any, address: str, commands: set[str]
) -> None:
    job = factories.job(Job.Status.COMPLETED)
    factories.data_asset(store, {"a.csv": "x\n1\n"})
    page = as_role(Role.READER).get(address.format(job=job.name, endpoint=job.endpoint_name)).text
    told = reasons(page)
    assert {label: told.get(label) for label in commands} == dict.fromkeys(commands, SCIENTIST)


@pytest.mark.parametrize(
    ("address", "commands"),
    [
        ("/compute/", {"Create", "Start", "Stop", "Delete"}),
        ("/datastores/", {"Create", "Set as default", "Unregister"}),
    ],
)
def test_a_data_scientist_is_told_what_an_administrator_does(
    as_role: Callable[[Role], Client], store: Any, address: str, commands: set[str]
) -> None:
    factories.cluster()
    told = reasons(as_role(Role.DATA_SCIENTIST).get(address).text)
    assert {label: told.get(label) for label in commands} == dict.fromkeys(commands, ADMINISTRATOR)


def test_a_data_scientist_is_offered_the_work(as_role: Callable[[Role], Client], store: Any) -> None:
    factories.job(Job.Status.COMPLETED)
    for address in ("/", "/jobs/", "/models/", "/endpoints/", "/data/"):
        assert reasons(as_role(Role.DATA_SCIENTIST).get(address).text) == {}


def own(person: Any) -> list[tuple[Callable[..., None], Any]]:
    """Each check that asks whose a thing is, with a thing of this person."""
    endpoint = factories.endpoint(created_by=person)
    deployment = factories.deployment(endpoint=endpoint, created_by=person)
    failed = factories.deployment("Failed", endpoint=endpoint, created_by=person)
    running = factories.job(deployment=deployment, created_by=person)
    done = factories.job(Job.Status.COMPLETED, deployment=deployment, created_by=person)
    asset = DataAsset.objects.create(name=f"of-{person}", type="uri_file", created_by=person)
    free = Endpoint.objects.create(name=f"free-{person}", created_by=person)
    return [
        (permissions.check_can_edit_endpoint, endpoint),
        (permissions.check_can_delete_endpoint, free),
        (permissions.check_can_set_default, deployment),
        (permissions.check_can_edit_deployment, deployment),
        (permissions.check_can_delete_deployment, failed),
        (permissions.check_can_retry_deployment, failed),
        (permissions.check_can_cancel_job, running),
        (permissions.check_can_rename_job, running),
        (permissions.check_can_delete_job, done),
        (permissions.check_can_edit_data_asset, asset),
        (permissions.check_can_delete_data_asset, asset),
    ]


def test_what_belongs_to_somebody_is_for_them_and_administrators(store: Any) -> None:
    owner, other = factories.user("ada", Role.DATA_SCIENTIST), factories.user("bob", Role.DATA_SCIENTIST)
    administrator = factories.user("root")
    for check, thing in own(owner):
        check(owner, thing)
        check(administrator, thing)
        with pytest.raises(NotAllowed, match="It belongs to ada"):
            check(other, thing)


def test_what_was_ones_own_is_not_for_a_reader(store: Any) -> None:
    for check, thing in own(factories.user("eve", Role.READER)):
        with pytest.raises(NotAllowed, match="Your role is Reader"):
            check(thing.created_by, thing)


def test_jobs_run_on_what_others_have_deployed(store: Any) -> None:
    deployment = factories.deployment(created_by=factories.user("ada"))
    bob = factories.user("bob", Role.DATA_SCIENTIST)
    permissions.check_can_create_job(bob, deployment.endpoint)
    permissions.check_can_use_deployment(bob, deployment)
    permissions.check_can_add_deployment(bob, deployment.endpoint)


def test_createsuperuser_makes_an_administrator(
    monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-longer-secret-7")
    call_command("createsuperuser", username="root", email="root@example.com", interactive=False, verbosity=0)
    root = django_user_model.objects.get(username="root")
    assert Role.of(root) == Role.ADMINISTRATOR
    permissions.check_can_create_cluster(root)


def test_a_person_without_a_group_looks_on(django_user_model: Any) -> None:
    stranger = django_user_model.objects.create_user("stranger")
    assert Role.of(stranger) == Role.READER
    with pytest.raises(NotAllowed, match="Your role is Reader"):
        permissions.check_can_create_data_asset(stranger)


def test_each_migration_gives_roles_what_the_code_says() -> None:
    reader = Group.objects.get(name=Role.READER)
    reader.permissions.add(Permission.objects.get(codename="administer"))
    Group.objects.get(name=Role.ADMINISTRATOR).permissions.clear()
    set_up_roles()
    given = {
        group.name: sorted(group.permissions.values_list("codename", flat=True))
        for group in Group.objects.all()
    }
    assert given == {
        "Reader": [],
        "Data scientist": ["manage", "run"],
        "Administrator": ["administer", "manage", "run"],
    }


def test_people_who_were_there_before_roles_keep_their_work(django_user_model: Any) -> None:
    ada = django_user_model.objects.create_user("ada")
    root = django_user_model.objects.create_superuser("root")
    import_module("studio.migrations.0014_roles").give_roles(apps, None)
    assert (Role.of(ada), Role.of(root)) == (Role.DATA_SCIENTIST, Role.ADMINISTRATOR)


def test_first_steps_are_for_who_can_take_them(as_role: Callable[[Role], Client]) -> None:
    assert "First steps" not in as_role(Role.READER).get("/").text
    assert "First steps" in as_role(Role.DATA_SCIENTIST).get("/").text


def test_a_deployment_of_somebody_else_does_not_become_the_default_of_an_endpoint() -> None:
    owner, other = factories.user("owner", role=Role.DATA_SCIENTIST), factories.user(role=Role.DATA_SCIENTIST)
    endpoint = factories.deployment().endpoint
    Endpoint.objects.filter(pk=endpoint.pk).update(created_by=owner)
    endpoint.refresh_from_db()
    assert endpoint.default_deployment_id
    with pytest.raises(NotAllowed, match=r"stays\. It belongs to owner"):
        permissions.check_can_replace_default(other, endpoint)
    permissions.check_can_replace_default(owner, endpoint)
    Endpoint.objects.filter(pk=endpoint.pk).update(default_deployment=None)
    endpoint.refresh_from_db()
    permissions.check_can_replace_default(other, endpoint)


def test_a_data_asset_takes_new_versions_of_its_owner_alone(store: Any) -> None:
    owner, other = factories.user("owner", role=Role.DATA_SCIENTIST), factories.user(role=Role.DATA_SCIENTIST)
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"}, name="visits", created_by=owner).asset
    path = asset.versions.get().path
    given = {"name": "visits", "description": "mine", "type": asset.type, "datastore": store, "path": path}
    with pytest.raises(FieldErrors, match="It belongs to owner"):
        register_data_asset(user=other, **given)
    asset.refresh_from_db()
    assert (asset.description, asset.versions.count()) == ("", 1)
    assert register_data_asset(user=owner, **given).version == 2
