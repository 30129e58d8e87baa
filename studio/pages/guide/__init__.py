"""Troubleshooting by failure sentence: what each sentence that the studio can say means, and what to do."""

from studio.pages.guide import (
    changes,
    data,
    deploying,
    job_commands,
    people,
    registering,
    rest,
    scoring,
    services,
    wizards,
)
from studio.pages.guide.entries import Entry, Guide

PARTS = (scoring, job_commands, deploying, registering, data, changes, people, rest, services, wizards)
GUIDE = Guide([entry for part in PARTS for entry in part.ENTRIES])

__all__ = ["GUIDE", "Entry", "Guide"]
