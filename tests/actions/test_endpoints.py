from typing import Any

import pytest

from scoring.settings import ScoringSettings
from studio.actions import endpoints
from studio.actions.deployments import delete_deployment, edit_deployment
from studio.actions.endpoints import create_deployment, delete_endpoint, edit_endpoint, environment_of
from studio.actions.environments import own_environment, package_problems
from studio.errors import ChangedMeanwhile, FieldErrors, NotAllowed, NotFound
from studio.models import Cluster, Deployment, Endpoint, Event, Job, ModelVersion
from studio.models.states import MoveRefused
from tests import factories


def test_an_edit_of_an_endpoint_notes_what_was_before(person: Any) -> None:
    home = factories.endpoint(description="Weekly.", tags={"team": "risk"})
    edit_endpoint(user=person, endpoint=home, revision=1, description="Daily.", tags={"team": "risk"})
    home.refresh_from_db()
    assert (home.description, home.revision) == ("Daily.", 2)
    event = Event.objects.get(action="endpoint.edit")
    assert event.details == {"before": {"description": "Weekly."}, "after": {"description": "Daily."}}


def test_a_second_editor_is_told_who_was_first(person: Any) -> None:
    home = factories.endpoint("screening")
    edit_endpoint(user=person, endpoint=home, revision=1, description="Daily.", tags={})
    with pytest.raises(ChangedMeanwhile, match="ada changed screening meanwhile"):
        edit_endpoint(user=factories.user(), endpoint=home, revision=1, description="Weekly.", tags={})
    home.refresh_from_db()
    assert home.description == "Daily."


def test_an_edit_of_settings_leaves_submitted_jobs_alone(person: Any) -> None:
    used = factories.deployment(cluster=factories.cluster(max_nodes=3))
    job = factories.job(deployment=used)
    settings = ScoringSettings(timeout=60, instance_count=3)
    edit_deployment(
        user=person, deployment=used, revision=1, description="", tags={"a": "b"}, settings=settings
    )
    job.refresh_from_db()
    assert job.settings["timeout"] == 30
    used.refresh_from_db()
    assert (used.settings["timeout"], used.tags, used.revision) == (60, {"a": "b"}, 2)
    assert used.updated_at is not None
    details = Event.objects.get(action="deployment.edit").details
    assert details["before"] == {"timeout": 30, "instance_count": 1, "tags": {}}
    assert details["after"] == {"timeout": 60, "instance_count": 3, "tags": {"a": "b"}}


def test_an_edit_turns_on_class_probabilities_only_where_the_model_offers_them(person: Any) -> None:
    wanted = ScoringSettings(class_probabilities=True)
    for offers in (True, None):  # null: it was created before they were looked for
        used = factories.deployment(offers_probabilities=offers)
        edit_deployment(user=person, deployment=used, revision=1, description="", tags={}, settings=wanted)
    used = factories.deployment(offers_probabilities=False)
    with pytest.raises(FieldErrors) as refusal:
        edit_deployment(user=person, deployment=used, revision=1, description="", tags={}, settings=wanted)
    assert "offers no class probabilities" in refusal.value.fields["class_probabilities"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (ScoringSettings(instance_count=2), "instance_count"),
        (ScoringSettings(max_concurrency=3), "max_concurrency"),
        (ScoringSettings(output_file_name="a.txt"), "output_file_name"),
    ],
)
def test_an_edit_asks_for_no_more_than_the_cluster_has(
    person: Any, settings: ScoringSettings, field: str
) -> None:
    used = factories.deployment()
    with pytest.raises(FieldErrors) as refused:
        edit_deployment(user=person, deployment=used, revision=1, description="", tags={}, settings=settings)
    assert list(refused.value.fields) == [field]


def test_an_edit_of_a_deployment_that_is_gone_says_so(person: Any) -> None:
    used = factories.deployment(name="gbt")
    Deployment.objects.filter(pk=used.pk).delete()
    with pytest.raises(NotFound, match="“gbt” was deleted meanwhile"):
        edit_deployment(
            user=person, deployment=used, revision=1, description="", tags={}, settings=ScoringSettings()
        )


def test_deleting_an_endpoint_takes_its_deployments_and_leaves_its_jobs(person: Any) -> None:
    job = factories.job(Job.Status.COMPLETED)
    home = job.endpoint
    factories.deployment(endpoint=home)
    delete_endpoint(user=person, endpoint=home)
    assert not Endpoint.objects.exists()
    assert not Deployment.objects.exists()
    job.refresh_from_db()
    assert (job.endpoint, job.deployment, job.endpoint_name) == (None, None, home.name)
    assert len(Event.objects.get(action="endpoint.delete").details["deployments"]) == 2


def test_an_endpoint_with_a_job_that_runs_stays(person: Any) -> None:
    job = factories.job(Job.Status.RUNNING)
    with pytest.raises(NotAllowed, match=job.display_name):
        delete_endpoint(user=person, endpoint=job.endpoint)
    assert Endpoint.objects.exists()


def test_an_endpoint_that_another_deleted_first_is_said_to_be_gone(person: Any) -> None:
    home = factories.endpoint()
    Endpoint.objects.all().delete()
    with pytest.raises(NotFound):
        delete_endpoint(user=person, endpoint=home)


def test_the_default_deployment_goes_only_after_another_one_is_the_default(person: Any) -> None:
    used = factories.deployment()
    other = factories.deployment(endpoint=used.endpoint, is_default=False)
    with pytest.raises(NotAllowed, match="Make another one the default first"):
        delete_deployment(user=person, deployment=used)
    endpoints.set_default(user=person, deployment=other)
    delete_deployment(user=person, deployment=used)
    delete_deployment(user=person, deployment=other)  # the last one, though it is the default
    assert not Deployment.objects.exists()
    assert Endpoint.objects.get().default_deployment is None


def test_a_deployment_with_a_job_that_runs_stays(person: Any) -> None:
    job = factories.job(Job.Status.QUEUED)
    with pytest.raises(NotAllowed, match=f"The job {job.display_name} has not ended"):
        delete_deployment(user=person, deployment=job.deployment)
    for _number in range(4):
        factories.job(Job.Status.RUNNING, deployment=job.deployment)
    with pytest.raises(NotAllowed, match=r"5 jobs have not ended: .* …"):
        delete_deployment(user=person, deployment=job.deployment)


def test_what_a_node_writes_about_a_deployment_that_is_gone_comes_to_nothing(db: None) -> None:
    cluster = factories.cluster()
    factories.deployment(Deployment.Status.CREATING, cluster=cluster)
    claimed = endpoints.claim_deployment(cluster=cluster, worker="node-1")
    assert claimed
    Deployment.objects.filter(pk=claimed.pk).delete()
    endpoints.write_log(deployment=claimed, text="Building.")
    with pytest.raises(MoveRefused):
        endpoints.deployment_failed(deployment=claimed, error="too late")
    with pytest.raises(MoveRefused):
        endpoints.deployment_succeeded(deployment=claimed, notes=[])
    Endpoint.objects.all().delete()
    with pytest.raises(MoveRefused):
        endpoints.deployment_succeeded(deployment=claimed, notes=[])


def create(person: Any, version: ModelVersion, **fields: Any) -> Deployment:
    asked: dict[str, Any] = {
        "endpoint": None,
        "new_endpoint": {"name": "e"},
        "name": "first",
        "model_version": version,
        "cluster": Cluster.objects.first() or factories.cluster(),
        "settings": ScoringSettings(),
    }
    return create_deployment(user=person, **{**asked, **fields})


def test_a_deployment_remembers_that_its_environment_was_edited(person: Any) -> None:
    version = factories.model_version()
    generated = environment_of(version)[0]
    assert not create(person, version).has_own_environment
    same = own_environment(python=generated.python, packages="\n".join(generated.requirements))
    made = create(person, version, new_endpoint={"name": "e2"}, environment=same)
    assert not made.has_own_environment
    own = own_environment(python="3.11", packages="mlflow==3.17.2\ntqdm==4.67.1")
    made = create(person, version, new_endpoint={"name": "e3"}, environment=own)
    assert made.has_own_environment
    assert made.packages == ["mlflow==3.17.2", "tqdm==4.67.1", "pyarrow", "pandas"]


@pytest.mark.parametrize("gone", ["endpoint", "model_version", "cluster"])
def test_what_was_deleted_meanwhile_is_named(person: Any, gone: str) -> None:
    known = {"endpoint": factories.endpoint("e"), "model_version": factories.model_version()}
    things: dict[str, Any] = {**known, "cluster": factories.cluster()}
    type(things[gone]).objects.filter(pk=things[gone].pk).delete()
    version = things.pop("model_version")
    with pytest.raises(FieldErrors, match="meanwhile") as refused:
        create(person, version, **things)
    assert list(refused.value.fields) == [gone]
    assert not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--index-url https://example.org", "options such as an index are not allowed"),
        ("-e .", "editable packages are not allowed"),
        ("git+https://example.org/own.git", "not from addresses, files or version control"),
        ("./own.whl", "not from addresses, files or version control"),
        ("own @ https://example.org/own.whl", "not from addresses, files or version control"),
        ("pandas==abc", "abc is no version"),
        ("pandas>=2.*", "2.* is no version"),
        ("pandas = 2", "is not understood"),
        ("numpy==1\nnumpy==2", "numpy is there twice"),
    ],
)
def test_a_line_that_is_no_published_package_is_refused(line: str, sentence: str) -> None:
    found = package_problems(f"mlflow==3.17.2\n{line}\n")
    assert len(found) == 1
    assert sentence in found[0]


def test_mlflow_must_stay_and_every_line_has_its_sentence() -> None:
    assert package_problems("pandas==2.2.3\n-r x\nnumpy==y") == [
        "The requirement '-r x' is refused: options such as an index are not allowed, only packages.",
        "The requirement 'numpy==y' is refused: y is no version; write 2.2.3.",
        "mlflow must stay: the model is loaded with it.",
    ]
    assert (
        package_problems("mlflow-skinny >=3, <4\n# a note\npandas[excel]==2.2.3 ; python_version>'3.8'") == []
    )


def test_a_python_that_is_none_is_refused() -> None:
    with pytest.raises(FieldErrors) as refused:
        own_environment(python="2.7", packages="mlflow")
    assert list(refused.value.fields) == ["python"]
