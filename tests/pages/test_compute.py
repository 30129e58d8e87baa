import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.models import Cluster, Event, Node
from tests import factories

INDEX = "/compute/"
NEW = "/compute/-/new/"
SIZE = {
    "slots": "2",
    "memory": "4",
    "min_nodes": "0",
    "max_nodes": "3",
    "idle_seconds": "60",
    "tier": "dedicated",
}
GPU = {"name": "gpu", "kind": "local", **SIZE}


def page_of(cluster: Cluster, part: str = "") -> str:
    return f"/compute/{cluster.name}/{part}"


@pytest.fixture
def gpu(db: None) -> Cluster:
    return factories.cluster("gpu", slots=4, max_nodes=3)


# ---- The list


def test_index_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get(INDEX)["Location"] == "/account/sign-in/?next=/compute/"


def test_index_shows_clusters_with_their_nodes_and_what_waits(signed_in: Client, gpu: Cluster) -> None:
    factories.node(cluster=gpu, busy=3, idle_since=None)
    factories.node(cluster=gpu, idle_since=timezone.now())
    job = factories.job("Running", deployment=factories.deployment(cluster=gpu))
    for _number in range(5):
        factories.minibatch(job)
    answer = signed_in.get(INDEX).text
    for shown in ("gpu", "This machine", "Running", "1 / 1 / 3", "3 of 8 busy", '<td class="numeric">5</td>'):
        assert shown in answer


def test_index_without_a_cluster_says_what_to_do(signed_in: Client) -> None:
    answer = signed_in.get(INDEX)
    assert "No clusters yet" in answer.text
    assert "Create cluster" in answer.text


def test_index_searches_filters_and_sorts(signed_in: Client, gpu: Cluster) -> None:
    factories.cluster("cpu")
    factories.cluster("away", kind=Cluster.Kind.EXTERNAL)
    assert "/compute/gpu/" in (found := signed_in.get(INDEX, {"search": "gp"}).text)
    assert "/compute/cpu/" not in found
    external = signed_in.get(INDEX, {"kind": "external"}).text
    assert "/compute/away/" in external
    assert "/compute/gpu/" not in external
    by_name = signed_in.get(INDEX, {"sort": "-name"}).text
    assert by_name.index("/compute/gpu/") < by_name.index("/compute/cpu/") < by_name.index("/compute/away/")
    assert "Nothing matches" in signed_in.get(INDEX, {"search": "nowhere"}).text


def test_index_asks_again_by_itself(signed_in: Client, gpu: Cluster, htmx: dict[str, str]) -> None:
    answer = signed_in.get(INDEX, headers=htmx)
    assert 'hx-get="/compute/" hx-trigger="every 3s"' in answer.text
    assert "<html" not in answer.text


def test_index_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post(INDEX).status_code == 405


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, gpu: Cluster, queries: Callable[[], Any]
) -> None:
    factories.node(cluster=gpu)
    with queries() as few:
        signed_in.get(INDEX)
    for _number in range(5):
        factories.node(cluster=gpu)
        factories.node()
        factories.job("Running")
    with queries() as many:
        signed_in.get(INDEX)
    assert len(many) == len(few)


# ---- States


def state_of(client: Client, cluster: Cluster) -> str:
    text: str = client.get(page_of(cluster)).text.partition('id="cluster-state"')[2]
    return text.partition("</span></span>")[0].rpartition("<span>")[2]


def silent() -> dict[str, Any]:
    return {"last_seen": timezone.now() - timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("cluster", "node", "state"),
    [
        ({}, None, "Idle"),
        ({}, silent(), "Idle"),
        ({"min_nodes": 1}, None, "Starting"),
        ({"warm_until": timezone.now() + timedelta(hours=1)}, None, "Starting"),
        ({}, {}, "Running"),
        ({}, {"is_draining": True}, "Stopping"),
        ({"is_stopped": True}, {"is_draining": True}, "Stopping"),
        ({"is_stopped": True, "min_nodes": 1}, None, "Stopped"),
        ({"kind": "external"}, None, "No node"),
        ({"kind": "external"}, {}, "Running"),
        ({"kind": "external", "is_stopped": True}, None, "Stopped"),
    ],
)
def test_state(signed_in: Client, cluster: dict[str, Any], node: dict[str, Any] | None, state: str) -> None:
    row = factories.cluster(**cluster)
    if node is not None:
        factories.node(cluster=row, **node)
    assert state_of(signed_in, row) == state


def test_a_cluster_with_work_and_no_node_is_starting(signed_in: Client, gpu: Cluster) -> None:
    factories.job("Queued", deployment=factories.deployment(cluster=gpu))
    assert state_of(signed_in, gpu) == "Starting"


def test_why_nodes_do_not_start_is_said(signed_in: Client) -> None:
    row = factories.cluster(min_nodes=1, problem="Its last one ended by itself: <no> memory.")
    answer = signed_in.get(page_of(row))
    assert "Its nodes do not start" in answer.text
    assert "&lt;no&gt; memory." in answer.text


# ---- One cluster


@pytest.mark.parametrize("part", ["", "nodes/", "jobs/", "edit/", "stop/", "start/", "delete/"])
def test_pages_open_and_are_not_found_where_there_is_no_cluster(
    signed_in: Client, gpu: Cluster, part: str
) -> None:
    assert signed_in.get(page_of(gpu, part)).status_code == 200
    assert signed_in.get(f"/compute/nowhere/{part}").status_code == 404


@pytest.mark.parametrize("part", ["", "nodes/"])
def test_live_parts_answer_alone_with_what_changes_around_them(
    signed_in: Client, gpu: Cluster, htmx: dict[str, str], part: str
) -> None:
    answer = signed_in.get(page_of(gpu, part), headers=htmx)
    assert "<html" not in answer.text
    for changing in ("cluster-state", "cluster-commands", "cluster-tabs"):
        assert f'id="{changing}" hx-swap-oob="true"' in answer.text
    again = re.search(r'hx-get="([^"]+)"', answer.text)
    assert again
    unchanged = signed_in.get(again[1], headers=htmx)
    assert "hx-swap-oob" not in unchanged.text, "it would take the focus away"


@pytest.mark.parametrize("part", ["", "nodes/", "jobs/"])
def test_tabs_take_no_post(signed_in: Client, gpu: Cluster, part: str) -> None:
    assert signed_in.post(page_of(gpu, part)).status_code == 405


def test_detail_shows_the_settings_and_the_deployments(signed_in: Client) -> None:
    row = factories.cluster(
        "gpu", slots=4, slot_memory=2 << 30, min_nodes=1, max_nodes=3, tier="low_priority"
    )
    factories.deployment(cluster=row, name="gbt", endpoint=factories.endpoint("heart"))
    answer = signed_in.get(page_of(row)).text
    for shown in ("8\N{NO-BREAK SPACE}GB", "1 to 3", "Low priority", "heart / gbt", "120"):
        assert shown in answer


def test_an_external_cluster_shows_the_command_and_no_secret(signed_in: Client, settings: Any) -> None:
    row = factories.cluster("gpu", kind=Cluster.Kind.EXTERNAL)
    for part in ("", "nodes/"):
        answer = signed_in.get(page_of(row, part)).text
        assert "make node CLUSTER=gpu" in answer
        assert "DATABASE_URL" in answer
        for secret in (
            settings.SECRET_KEY,
            settings.CELERY_BROKER_URL,
            settings.DATABASES["default"]["PASSWORD"],
        ):
            assert not secret or secret not in answer


def test_nodes_shows_each_live_node(signed_in: Client, gpu: Cluster) -> None:
    factories.node(
        cluster=gpu, name="node-a", host="here", busy=3, memory=1 << 30, cpu_percent=41.2, loaded=["heart 3"]
    )
    factories.node(cluster=gpu, name="node-b", **silent())
    answer = signed_in.get(page_of(gpu, "nodes/")).text
    for shown in (
        "node-a",
        "here",
        "3 of 4",
        "41 %",
        "1\N{NO-BREAK SPACE}GB",
        "Memory of 16\N{NO-BREAK SPACE}GB",
        "heart 3",
    ):
        assert shown in answer
    assert "node-b" not in answer


def test_nodes_asks_the_database_as_often_for_many_rows(
    signed_in: Client, gpu: Cluster, queries: Callable[[], Any]
) -> None:
    factories.node(cluster=gpu)
    with queries() as few:
        signed_in.get(page_of(gpu, "nodes/"))
    for _number in range(5):
        factories.node(cluster=gpu)
    with queries() as many:
        signed_in.get(page_of(gpu, "nodes/"))
    assert len(many) == len(few)


def test_jobs_lists_those_of_this_cluster(signed_in: Client, gpu: Cluster) -> None:
    assert "No jobs yet" in signed_in.get(page_of(gpu, "jobs/")).text
    mine = factories.job(deployment=factories.deployment(cluster=gpu))
    other = factories.job()
    answer = signed_in.get(page_of(gpu, "jobs/")).text
    assert mine.display_name in answer
    assert other.display_name not in answer


# ---- Create and edit


def test_new_begins_with_this_machine(signed_in: Client) -> None:
    answer = signed_in.get(NEW)
    assert 'value="local" id="id_kind_0" class="form-check-input" checked' in answer.text
    assert "Pages and other programs of this machine go first" in answer.text


def test_new_creates(signed_in: Client, person: Any) -> None:
    answer = signed_in.post(NEW, {**GPU, "name": "Gpu-pool"})
    assert answer["Location"] == "/compute/Gpu-pool/"
    row = Cluster.objects.get()
    assert (row.slots, row.slot_memory, row.min_nodes, row.max_nodes) == (2, 2 << 30, 0, 3)
    assert (row.idle_seconds, row.tier, row.created_by) == (60, "dedicated", person)
    assert Event.objects.get().action == "cluster.create"


def test_new_external_asks_for_no_scaling(signed_in: Client) -> None:
    signed_in.post(NEW, {**GPU, "kind": "external", "min_nodes": "9", "idle_seconds": "", "tier": ""})
    row = Cluster.objects.get()
    assert (row.kind, row.min_nodes, row.idle_seconds, row.tier) == ("external", 0, 120, "dedicated")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Give the cluster a name."),
        ({"name": "ab"}, "Use 3 to 24 characters"),
        ({"name": "1abc"}, "Use 3 to 24 characters"),
        ({"name": "gpu-1"}, "Use 3 to 24 characters"),
        ({"name": "gpu/../x"}, "Use 3 to 24 characters"),
        ({"name": "<b>gpu</b>"}, "Use 3 to 24 characters"),
        ({"name": "TAKEN"}, "A cluster with this name exists"),
        ({"kind": "moon"}, "Select a valid choice"),
        ({"slots": "0"}, "greater than or equal to 1"),
        ({"slots": "many"}, "Enter a whole number"),
        ({"memory": "0.5"}, "Give 2 slots at least 1.0 GB"),
        ({"memory": "99999"}, "GB in all."),
        ({"memory": "nan"}, "Enter a number"),
        ({"min_nodes": "4"}, "The minimum is above the maximum"),
        ({"max_nodes": "0"}, "greater than or equal to 1"),
        ({"max_nodes": "99999"}, "less than or equal to 1000"),
        ({"idle_seconds": "-1"}, "greater than or equal to 5"),
        ({"tier": "free"}, "Select a valid choice"),
    ],
)
def test_new_refuses_with_the_reason_and_what_was_typed(
    signed_in: Client, changes: dict[str, str], sentence: str
) -> None:
    factories.cluster("taken")
    answer = signed_in.post(NEW, {**GPU, **changes})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="60"' in answer.text or "idle_seconds" in changes
    assert Cluster.objects.count() == 1


def test_edit_begins_with_what_is_and_saves(signed_in: Client, gpu: Cluster) -> None:
    answer = signed_in.get(page_of(gpu, "edit/"))
    assert 'name="memory" value="16.0"' in answer.text
    assert 'name="revision" value="1"' in answer.text
    saved = signed_in.post(page_of(gpu, "edit/"), {**SIZE, "revision": "1"})
    assert saved["Location"] == page_of(gpu)
    gpu.refresh_from_db()
    assert (gpu.slots, gpu.slot_memory, gpu.max_nodes, gpu.revision) == (2, 2 << 30, 3, 2)
    event = Event.objects.get(action="cluster.edit")
    assert event.details["before"]["slots"] == 4
    assert event.details["after"]["slots"] == 2


def test_edit_of_another_editor_is_shown_and_nothing_is_lost(signed_in: Client, gpu: Cluster) -> None:
    base = json.dumps({**{name: int(SIZE[name]) for name in SIZE if name != "tier"}, "tier": "dedicated"})
    bob = Client()
    bob.force_login(factories.user("bob"))
    bob.post(
        page_of(gpu, "edit/"), {**SIZE, "revision": "1", "base": base, "max_nodes": "7", "idle_seconds": "77"}
    )
    answer = signed_in.post(page_of(gpu, "edit/"), {**SIZE, "revision": "1", "base": base, "max_nodes": "5"})
    assert answer.status_code == 422
    assert "bob changed gpu meanwhile." in answer.text
    assert "<td>7</td><td>5</td>" in answer.text
    assert "Idle seconds before scale down <strong>77</strong>" in answer.text
    assert 'name="max_nodes" value="5"' in answer.text
    gpu.refresh_from_db()
    assert gpu.max_nodes == 7
    assert 'name="revision" value="2"' in answer.text
    signed_in.post(page_of(gpu, "edit/"), {**SIZE, "revision": "2", "max_nodes": "5"})
    gpu.refresh_from_db()
    assert gpu.max_nodes == 5


def test_edit_below_what_a_deployment_asks_for_is_refused(signed_in: Client, gpu: Cluster) -> None:
    deployment = factories.deployment(cluster=gpu, name="gbt", endpoint=factories.endpoint("heart"))
    type(deployment).objects.update(settings={**deployment.settings, "instance_count": 3})
    answer = signed_in.post(page_of(gpu, "edit/"), {**SIZE, "revision": "1", "max_nodes": "2"})
    assert answer.status_code == 422
    assert "The deployment heart/gbt asks for 3." in answer.text


# ---- Start, stop, drain, delete


def test_stop_asks_first_and_says_what_waits(signed_in: Client, gpu: Cluster, htmx: dict[str, str]) -> None:
    factories.job("Running", deployment=factories.deployment(cluster=gpu))
    answer = signed_in.get("/compute/-/stop/", {"selected": "gpu"}, headers=htmx)
    assert "Stop gpu?" in answer.text
    assert "1 job runs on it" in answer.text
    assert 'action="/compute/gpu/stop/"' in answer.text
    gpu.refresh_from_db()
    assert not gpu.is_stopped


def test_stop_drains_its_nodes_and_start_warms_it(signed_in: Client, gpu: Cluster) -> None:
    factories.node(cluster=gpu)
    assert signed_in.post(page_of(gpu, "stop/"))["Location"] == page_of(gpu)
    assert Node.objects.get().is_draining
    assert "The cluster is stopped." in signed_in.get(page_of(gpu)).text
    assert signed_in.post(page_of(gpu, "stop/")).status_code in {302, 403}
    signed_in.post(page_of(gpu, "start/"))
    gpu.refresh_from_db()
    assert not gpu.is_stopped
    assert gpu.is_warm


def test_start_of_an_external_cluster_that_is_not_stopped_is_refused(signed_in: Client) -> None:
    row = factories.cluster(kind=Cluster.Kind.EXTERNAL)
    assert "are started where they run" in signed_in.get(page_of(row)).text
    assert signed_in.post(page_of(row, "start/")).status_code == 403


def test_drain_of_one_node(signed_in: Client, gpu: Cluster, htmx: dict[str, str]) -> None:
    node, other = factories.node(cluster=gpu), factories.node(cluster=gpu)
    address = page_of(gpu, f"nodes/{node.name}/drain/")
    assert f"Drain {node.name}?" in signed_in.get(address, headers=htmx).text
    assert signed_in.post(address)["Location"] == page_of(gpu, "nodes/")
    node.refresh_from_db()
    other.refresh_from_db()
    assert (node.is_draining, other.is_draining) == (True, False)
    assert "Draining" in signed_in.get(page_of(gpu, "nodes/")).text
    assert signed_in.get(page_of(gpu, "nodes/nobody/drain/")).status_code == 404


def test_delete_is_refused_while_a_deployment_uses_it(signed_in: Client, gpu: Cluster) -> None:
    factories.deployment(cluster=gpu, name="gbt", endpoint=factories.endpoint("heart"))
    refusal = "The deployment heart/gbt uses it. Delete that deployment first."
    assert refusal in signed_in.get(page_of(gpu)).text
    assert refusal in signed_in.get("/compute/-/delete/", {"selected": "gpu"}).text
    signed_in.post(page_of(gpu, "delete/"))
    assert Cluster.objects.filter(name="gpu").exists()


def test_delete_keeps_its_jobs(signed_in: Client, gpu: Cluster, htmx: dict[str, str]) -> None:
    deployment = factories.deployment(cluster=gpu)
    job = factories.job("Completed", deployment=deployment)
    deployment.delete()
    factories.node(cluster=gpu)
    asked = signed_in.get(page_of(gpu, "delete/"), headers=htmx).text
    assert "its 1 live node go" in asked
    assert "1 job that ran on it stays" in asked
    assert signed_in.post(page_of(gpu, "delete/"))["Location"] == INDEX
    assert not Cluster.objects.filter(name="gpu").exists()
    job.refresh_from_db()
    assert (job.cluster, job.cluster_name) == (None, "gpu")
    assert signed_in.get(f"/jobs/{job.name}/").status_code == 200


@pytest.mark.parametrize("verb", ["start", "stop", "delete"])
def test_a_cluster_deleted_in_another_tab_is_not_found(signed_in: Client, verb: str) -> None:
    assert signed_in.post(f"/compute/gone/{verb}/").status_code == 404
    assert signed_in.get(f"/compute/-/{verb}/", {"selected": "gone"}).status_code == 404
    assert signed_in.get(f"/compute/-/{verb}/").status_code == 404


def test_a_kernel_that_cannot_shut_models_in_is_said(signed_in, person):
    home = factories.cluster("edge")
    factories.node(cluster=home)
    pages = ["/compute/edge/", "/compute/edge/nodes/"]
    assert not [page for page in pages if "shut in" in signed_in.get(page).content.decode()]
    factories.node(cluster=home, unfenced=["reaching the network"])
    for page in pages:
        said = signed_in.get(page).content.decode()
        assert "cannot keep models from: reaching the network" in said
