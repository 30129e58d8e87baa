"""Measures each page through Django's test client: routing, every middleware, the view, its queries on a real
PostgreSQL and its template. The web server's own share and the network are not in it. "CPU" is Python's alone."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from typing import Any

from tests.services import running_services

TARGET = 100  # milliseconds, p95 of a list
WARM_UP = 3


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=40, help="of each page")
    arguments.add_argument("--only", default="", help="pages whose name holds this")
    arguments.add_argument(
        "--queries", action="store_true", help="the slowest queries of pages over the target"
    )
    chosen = arguments.parse_args()
    with running_services() as services, tempfile.TemporaryDirectory() as store:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="studio.settings",
            STUDIO_HOME=str(services.home),
            DATABASE_URL=services.database_url(),
            BROKER_URL=services.broker_url,
            MLFLOW_TRACKING_URI="http://127.0.0.1:9",
            SECRET_KEY="only-for-the-benchmark-" + "x" * 32,
        )
        (services.home / "static").mkdir()
        return measure(chosen, store)


def measure(chosen: argparse.Namespace, store: str) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    from bench.pages.addresses import DETAILS, LISTS
    from bench.pages.rows import make_rows

    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    make_rows(store)
    print(f"Rows made in {time.perf_counter() - begun:.0f} s.\n")
    client = browser()
    slow = []
    for title, pages in (("List", LISTS), ("Page", DETAILS)):
        print(
            f"| {title} | p50 ms | p95 ms | CPU ms | queries | KB |\n| --- | ---: | ---: | ---: | ---: | ---: |"
        )
        for name, address in pages.items():
            if chosen.only.casefold() not in name.casefold():
                continue
            p95 = measure_page(client, name, address.format(model=first_model()), chosen.requests)
            if p95 > TARGET and pages is LISTS:
                slow.append(name)
            if p95 > TARGET and chosen.queries:
                show_queries(client, address.format(model=first_model()))
        print()
    print(f"Over {TARGET} ms: {', '.join(slow)}" if slow else f"Every list is below {TARGET} ms (p95).")
    return 1 if slow else 0


def browser() -> Any:
    """Of somebody who is signed in, and shows a token where the API is asked."""
    from datetime import timedelta

    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import timezone

    from studio.actions.tokens import create_token

    person = get_user_model().objects.get(username="person-3")
    end = timezone.now() + timedelta(days=1)
    _token, secret = create_token(user=person, name="bench", scope="read", expires_at=end)
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {secret}"})
    client.force_login(person)
    return client


def first_model() -> str:
    from studio.models import RegisteredModel

    return str(RegisteredModel.objects.order_by("pk")[0].name)


def measure_page(client: Any, name: str, address: str, requests: int) -> float:
    """Prints the page's line; its p95 in milliseconds."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    count = len(queries)
    if answer.status_code != 200:
        print(f"| {name} | – | – | – | – | status {answer.status_code} |")
        return 0
    walls, cpus = [], []
    for number in range(WARM_UP + requests):
        begun, worked = time.perf_counter(), time.process_time()
        client.get(address)
        if number >= WARM_UP:
            walls.append((time.perf_counter() - begun) * 1000)
            cpus.append((time.process_time() - worked) * 1000)
    p50, p95 = statistics.median(walls), statistics.quantiles(walls, n=20)[18]
    cpu, size = statistics.median(cpus), len(answer.content) / 1024
    print(f"| {name} | {p50:.0f} | {p95:.0f} | {cpu:.0f} | {count} | {size:.0f} |", flush=True)
    return p95


def show_queries(client: Any, address: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    slowest = sorted(queries.captured_queries, key=lambda query: -float(query["time"]))[:2]
    for query in slowest:
        print(f"\n{query['time']} s  {query['sql'][:3000]}\n")
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
            print("\n".join(row[0] for row in cursor.fetchall()))


if __name__ == "__main__":
    sys.exit(main())
