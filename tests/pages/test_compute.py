from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from tests import factories

INDEX = "/compute/"


def test_index_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get(INDEX)["Location"] == "/account/sign-in/?next=/compute/"


def test_index_shows_clusters_and_their_live_nodes(signed_in: Client) -> None:
    home = factories.cluster("cpu-cluster", slots=4)
    factories.node(cluster=home, name="node-a", host="here", busy=3, memory=1 << 30)
    answer = signed_in.get(INDEX)
    for shown in (
        "cpu-cluster",
        "This machine",
        "Running",
        "1 live of at most 1",
        "node-a",
        "here",
        "3 of 4",
    ):
        assert shown in answer.text
    assert "1\N{NO-BREAK SPACE}GB of 16\N{NO-BREAK SPACE}GB" in answer.text


def test_index_leaves_silent_nodes_out_and_says_that_work_waits(signed_in: Client) -> None:
    factories.node(
        cluster=factories.cluster("cpu-cluster"),
        name="node-a",
        last_seen=timezone.now() - timedelta(minutes=1),
    )
    answer = signed_in.get(INDEX)
    assert "node-a" not in answer.text
    assert "No node of cpu-cluster is live" in answer.text


def test_index_asks_again_by_itself(signed_in: Client, htmx: dict[str, str]) -> None:
    factories.cluster("cpu-cluster")
    answer = signed_in.get(INDEX, headers=htmx)
    assert 'hx-get="/compute/" hx-trigger="every 5s"' in answer.text
    assert "<html" not in answer.text


def test_index_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post(INDEX).status_code == 405


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    home = factories.cluster()
    factories.node(cluster=home)
    with queries() as few:
        signed_in.get(INDEX)
    for _number in range(5):
        factories.node(cluster=home)
        factories.node()
    with queries() as many:
        signed_in.get(INDEX)
    assert len(many) == len(few)
