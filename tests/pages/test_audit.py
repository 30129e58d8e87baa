import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from studio.actions.events import record
from studio.models import Event, Profile
from studio.pages.acts import ACTS
from tests import factories
from tests.pages.job_rows import finished

SOURCE = Path(__file__).parents[2] / "studio"

DARK = {"theme": "dark", "notices": "all"}  # a form of preferences


def note(action: str = "cluster.edit", subject: str = "cpu", actor: Any = None, **details: Any) -> Event:
    record(actor=actor, action=action, subject=subject, **details)
    return Event.objects.latest("pk")


@pytest.mark.parametrize("act", ["UPDATE studio_event SET subject = 'x'", "DELETE FROM studio_event"])
def test_the_database_lets_nobody_change_or_delete_an_event(db: None, act: str) -> None:
    event = note()
    refused = pytest.raises(DatabaseError, match="never changed or deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act)
    assert Event.objects.get(pk=event.pk).subject == "cpu"


def test_an_act_of_the_studio_itself_comes_from_nowhere(db: None) -> None:
    event = note()
    assert (event.through, event.ip, event.token, event.actor) == ("studio", None, "", None)


def test_an_act_on_a_page_says_where_it_came_from(signed_in: Client, person: Any) -> None:
    signed_in.post("/account/preferences/", {**DARK, "time_zone": ""}, REMOTE_ADDR="192.0.2.7")
    event = Event.objects.get()
    assert (event.actor, event.through, event.ip) == (person, "page", "192.0.2.7")


def test_a_setting_is_kept_as_it_was_and_as_it_became(signed_in: Client, person: Any) -> None:
    Profile.objects.create(user=person, theme="light", time_zone="Asia/Tokyo")
    signed_in.post("/account/preferences/", {**DARK, "time_zone": "Asia/Tokyo"})
    details = Event.objects.get().details
    assert (details["before"]["theme"], details["after"]["theme"]) == ("light", "dark")


@pytest.mark.parametrize(
    ("behind_tls", "forwarded", "seen"),
    [
        (False, "198.51.100.1", "127.0.0.1"),
        (True, "198.51.100.1", "198.51.100.1"),
        (True, "203.0.113.9, 198.51.100.1", "198.51.100.1"),  # what a client wrote itself stands first
        (True, "2001:db8::1", "2001:db8::1"),
        (True, "<script>", None),
        (True, "", "127.0.0.1"),
    ],
)
def test_only_the_proxy_is_believed(
    signed_in: Client, behind_tls: bool, forwarded: str, seen: str | None
) -> None:
    with override_settings(BEHIND_TLS=behind_tls):
        signed_in.post("/account/preferences/", DARK, headers={"X-Forwarded-For": forwarded})
    assert Event.objects.get().ip == seen


def test_one_request_does_not_speak_for_the_next(signed_in: Client) -> None:
    signed_in.post("/account/preferences/", DARK)
    assert note().through == "studio"


def test_an_act_by_token_names_the_token(db: None, store: Any) -> None:
    from studio.actions.events import Origin, coming_from
    from studio.pages.bearer import sign_in_by_token

    token, raw = factories.token()
    with coming_from(Origin(through="page", ip="192.0.2.7")):
        sign_in_by_token(type("Request", (), {})(), raw)
        event = note(actor=token.owner)
    assert (event.through, event.token, event.ip) == ("token", str(token), "192.0.2.7")
    assert note().through == "studio"


def test_every_act_of_the_source_has_words() -> None:
    named = {
        action
        for file in SOURCE.rglob("actions/*.py")
        for action in re.findall(r'action="([a-z]+\.[a-z_]+)"', file.read_text())
    }
    sources = "".join(file.read_text() for file in (*SOURCE.rglob("actions/*.py"), SOURCE / "pages/audit.py"))
    assert named <= set(ACTS)
    assert [act for act in ACTS if f'"{act}"' not in sources] == []


def test_index_shows_who_did_what(signed_in: Client, person: Any) -> None:
    note(actor=person, before={"slots": 2, "nodes": 1}, after={"slots": 4, "nodes": 3})
    note("data.register", "<b>x</b>")
    page = signed_in.get("/audit/").text
    assert "Edited the cluster" in page
    assert "<summary><bdi>nodes: 1 → 3</bdi> <bdi>slots: 2 → 4</bdi>" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "the studio" in page


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("search=ALPHA", {"alpha"}),
        ("person=bob", {"beta"}),
        ("act=cluster.start", {"alpha"}),
        ("through=page", set()),
        ("time=day", {"alpha", "beta"}),
        ("person=nobody", set()),
        ("act='; DROP TABLE", set()),
    ],
)
def test_index_finds_by_person_act_subject_and_time(
    signed_in: Client, htmx: dict[str, str], query: str, subjects: set[str]
) -> None:
    note("cluster.start", "alpha")
    note("cluster.stop", "beta", factories.user("bob"))
    page = signed_in.get(f"/audit/?{query}", headers=htmx).text
    assert {name for name in ("alpha", "beta") if f"<bdi>{name}</bdi>" in page} == subjects
    assert f'href="/audit/export/?{query.split("=")[0]}=' in page


def test_index_asks_as_often_for_many_as_for_few(signed_in: Client, person: Any, queries: Any) -> None:
    note(actor=person)
    with queries() as few:
        signed_in.get("/audit/")
    for number in range(20):
        note(actor=factories.user(f"p{number}"))
    with queries() as many:
        signed_in.get("/audit/")
    assert len(many) == len(few)


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    answer: Any = client.get(f"/audit/export/{query}")
    assert answer.streaming
    assert "audit.csv" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


def test_export_is_what_the_list_shows_and_is_an_act_itself(signed_in: Client, person: Any) -> None:
    note("cluster.start", "alpha", person, reason="it, was\nneeded")
    note("cluster.stop", "beta")
    rows = exported(signed_in, "?search=alpha")
    assert [(row["person"], row["act"], row["subject"]) for row in rows] == [
        ("ada", "cluster.start", "alpha")
    ]
    assert "it, was" in rows[0]["details"]
    last = Event.objects.latest("pk")
    assert (last.action, last.details) == ("audit.export", {"search": "alpha"})


def test_export_is_no_formula(signed_in: Client) -> None:
    note(subject="=HYPERLINK(1)")
    assert exported(signed_in, "?act=cluster.edit")[0]["subject"] == "'=HYPERLINK(1)"


def test_export_streams_rows_that_no_page_would_hold(signed_in: Client) -> None:
    Event.objects.bulk_create(
        [Event(action="job.cancel", subject=f"job-{number}", through="page") for number in range(5000)]
    )
    assert len(exported(signed_in, "?act=job.cancel")) == 5000


def test_a_person_of_whom_there_is_an_event_is_not_deleted(db: None) -> None:
    from django.db.models import ProtectedError

    bob = factories.user("bob")
    note(actor=bob)
    with pytest.raises(ProtectedError):
        bob.delete()


def test_old_events_are_not_among_the_latest(signed_in: Client, store: Any) -> None:
    finished(store)
    Event.objects.bulk_create([Event(action="job.cancel", subject="old", through="page")])
    assert "<bdi>old</bdi>" in signed_in.get("/audit/?time=day").text
    later = timezone.now() + timedelta(days=2)
    assert Event.objects.since(later).count() == 0
