"""Keys by which a request that is sent again is known."""

import uuid
from typing import Annotated

from django.contrib.auth.models import User
from ninja import Header

LONGEST = 255
OURS = uuid.UUID("5d2ff5a0-6d3f-4b52-9f0b-7a4c5f0f4c33")  # the space of the keys that programs choose
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=LONGEST,
        examples=["heart-2026-11-26"],
        description="Chosen by the program, another one for each request that is meant as a new one.",
    ),
]
RepeatabilityRequestId = Annotated[
    str,
    Header(
        alias="repeatability-request-id",
        max_length=LONGEST,
        examples=["8f14e45f-ceea-467f-a0e6-5f4c1a6f3b1d"],
        description="The same, as Azure’s SDKs call it.",
    ),
]


def key_of(user: User, act: str, said: str) -> uuid.UUID:
    """Everybody's keys are their own, and those of one act mean nothing to another. Without one, a new one."""
    return uuid.uuid5(OURS, f"{user.pk} {act} {said}") if said else uuid.uuid4()
