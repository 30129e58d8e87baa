import logging
import time
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

CONTROL = "control"
AWAY = "the broker does not answer; the sweep will enqueue this again"
_answers: dict[str, tuple[float, bool]] = {}  # url -> when it was asked, what it said


def enqueue(task: str, *, queue: str = CONTROL, expires: float | None = None, **ids: Any) -> None:
    """Hand work to a worker once the transaction under way has committed.

    A broker that is away loses nothing: the row is there and the sweep enqueues it again. `expires` (seconds)
    keeps wake-ups from piling up in a queue that nobody reads.
    """
    job = current_app.tasks[task]

    def send() -> None:
        if not broker_answers():  # asking takes a second where publishing would try for twelve
            logger.warning(AWAY, extra={"action": "enqueue_failed"})
            return
        try:
            job.apply_async(kwargs=ids, queue=queue, expires=expires, retry=False)  # type: ignore[arg-type]
        except (OperationalError, OSError):
            logger.warning(AWAY, extra={"action": "enqueue_failed"})

    transaction.on_commit(send, robust=True)


def wake(cluster_queue: str, *, times: int = 1) -> None:
    """Wake slots of a cluster; what they do is in the database."""
    for _ in range(times):
        enqueue("compute.work", queue=cluster_queue, expires=10)


def broker_answers() -> bool:
    """Whether the broker takes connections; asked at most every 3 s in one process."""
    url = settings.CELERY_BROKER_URL
    asked, answer = _answers.get(url, (-10.0, False))
    if time.monotonic() - asked < 3:
        return answer
    options = {"max_retries": 0, "socket_timeout": 1, "socket_connect_timeout": 1}
    try:
        with Connection(url, connect_timeout=1, transport_options=options) as link:
            link.ensure_connection(max_retries=1, timeout=1)
        answer = True
    except Exception:
        answer = False
    _answers[url] = (time.monotonic(), answer)
    return answer
