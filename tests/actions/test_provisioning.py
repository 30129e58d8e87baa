"""What a node finds out about a model while its deployment is created, with real scorers."""

import json

import pandas as pd
import pytest

from studio.actions import endpoints, provisioning
from studio.actions.leases import Holder
from studio.models import Deployment
from tests import factories
from tests.actions.conftest import SPEC

pytestmark = pytest.mark.django_db


@pytest.fixture
def created(home, save_odd_model):
    """Creates a deployment of the odd model with `example`."""
    holder = Holder("node")
    holder.interval = 3600  # a heartbeat has a connection of its own, which sees nothing of this test

    def create(example, **settings):
        row = factories.deployment(
            Deployment.Status.CREATING,
            cluster=factories.cluster(slot_memory=4 << 30),
            environment=SPEC.to_dict(),
        )
        key = home(save_odd_model(example))
        Deployment.objects.filter(pk=row.pk).update(model_key=key, settings={**row.settings, **settings})
        claimed = endpoints.claim_deployment(cluster=row.cluster, worker=holder.name)
        provisioning.create_on_node(deployment=claimed, holder=holder, stop=lambda: False)
        return Deployment.objects.get(pk=row.pk)

    yield create
    holder.stopping.set()


def of_act(act, rows=4):
    return pd.DataFrame({"act": [act] * rows, "value": [float(row) for row in range(rows)]})


def test_a_model_that_scores_halves_as_the_whole_may_be_divided(created):
    found = created(of_act("echo"))
    assert (found.status, found.is_divisible) == (Deployment.Status.SUCCEEDED, True)
    assert found.offers_probabilities is not None
    assert not [note for note in found.notes if "divided" in note]
    assert "\x1b" not in "".join(found.notes)  # MLflow's warnings are yellow
    assert "Scored whole and in halves, it answers the same." in found.log


def test_a_model_that_ranks_is_never_divided_and_says_why(created):
    found = created(of_act("rank"))
    assert (found.status, found.is_divisible) == (Deployment.Status.SUCCEEDED, False)
    reason = "prediction of row 2 is 3.0 as a whole and 1.0 in halves"
    assert found.notes[-1] == (
        f"The model scores parts of a file differently from the whole, so files are never divided: {reason}."
    )


def test_a_model_that_cannot_be_tried_in_halves_is_deployed_all_the_same(created):
    found = created(of_act("echo_once"), timeout=3)
    assert (found.status, found.is_divisible) == (Deployment.Status.SUCCEEDED, None)
    assert "It could not be scored whole and in halves: Scoring halves of a table took longer" in found.log


def test_a_node_expects_the_environments_of_its_clusters_deployments(settings, tmp_path):
    settings.STUDIO_HOME = tmp_path
    python = tmp_path / "environments" / SPEC.key / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (python.parents[1] / "ready.json").write_text(json.dumps({"spec": SPEC.to_dict(), "notes": []}))
    here, elsewhere = factories.cluster(), factories.cluster()
    factories.deployment(cluster=here, environment=SPEC.to_dict())
    assert provisioning.expected_pythons(cluster=here, most=2) == [python]
    assert provisioning.expected_pythons(cluster=elsewhere, most=2) == []


def test_of_what_a_model_prints_the_end_is_kept(created, monkeypatch):
    monkeypatch.setattr(provisioning, "MOST_PRINTED", 24)
    log = created(of_act("print")).log
    assert log.endswith("written to descriptor 1")
    assert "printed by the model" not in log
