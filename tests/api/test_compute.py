from datetime import timedelta

import pytest
from django.utils import timezone

from studio.models import Cluster, Event
from tests import factories
from tests.api.programs import Program

NEW = {"name": "nightly", "slots": 2, "memoryGb": 2, "maxNodes": 3}


def test_a_cluster_is_created_edited_started_stopped_and_deleted(admin: Program) -> None:
    made = admin.post("/clusters", NEW, wanted=201)
    assert (made["name"], made["kind"], made["memoryGb"], made["phase"]) == ("nightly", "local", 2.0, "idle")
    assert made["createdBy"] == admin.owner.username
    edited = admin.patch("/clusters/nightly", {"maxNodes": 4})
    assert (edited["maxNodes"], edited["slots"], edited["memoryGb"]) == (4, 2, 2.0)
    assert admin.post("/clusters/nightly/start", wanted=202)["phase"] == "starting"
    assert admin.post("/clusters/nightly/stop", wanted=202)["phase"] == "stopped"
    assert [one["name"] for one in admin.get("/clusters?search=night")["value"]] == ["nightly"]
    admin.delete("/clusters/nightly")
    assert not Cluster.objects.filter(name="nightly").exists()
    assert set(Event.objects.filter(subject="nightly").values_list("through", flat=True)) == {"token"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "1"}, "name: Use 3 to 24 characters"),
        ({"slots": 0}, "slots: Ensure this value is greater than or equal to 1"),
        ({"memoryGb": 0.5}, "memory: Give 2 slots at least 1.0 GB"),
        ({"minNodes": 9}, "minNodes: The minimum is above the maximum number of nodes"),
        ({"kind": "cloud"}, "kind: Input should be 'local' or 'external'"),
        ({"size": 1}, "size: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_cluster_is_refused_with_a_sentence(
    admin: Program, change: dict[str, object], says: str
) -> None:
    assert says in admin.refused("post", "/clusters", {**NEW, **change})
    assert not Cluster.objects.exists()


def test_an_edit_of_an_older_revision_is_refused(admin: Program) -> None:
    cluster = factories.cluster("nightly")
    admin.patch("/clusters/nightly", {"maxNodes": 2, "revision": cluster.revision})
    said = admin.refused(
        "patch", "/clusters/nightly", {"maxNodes": 5, "revision": cluster.revision}, status=409
    )
    assert "changed nightly meanwhile" in said


def test_a_node_is_drained(admin: Program) -> None:
    node = factories.node(last_seen=timezone.now() + timedelta(hours=1))
    path = f"/clusters/{node.cluster.name}/nodes"
    assert [one["name"] for one in admin.get(path)["value"]] == [node.name]
    assert admin.post(f"{path}/{node.name}/drain", wanted=202)["draining"] is True
    assert "already finishes" in admin.refused("post", f"{path}/{node.name}/drain", status=409)
    assert "no longer there" in admin.refused("post", f"{path}/gone/drain", status=404)


def test_a_cluster_in_use_stays(admin: Program) -> None:
    used = factories.deployment().cluster
    assert "uses it" in admin.refused("delete", f"/clusters/{used.name}", status=409)


def test_who_is_no_administrator_only_looks(scientist: Program) -> None:
    factories.cluster("nightly")
    assert scientist.get("/clusters/nightly")["slots"] == 2
    assert "Only an Administrator" in scientist.refused("post", "/clusters", NEW, status=403)
    assert "Only an Administrator" in scientist.refused("delete", "/clusters/nightly", status=403)
