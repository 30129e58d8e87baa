"""Which mini-batches of a job its timeline draws: all of a small job, some hundreds of a large one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from studio.actions.job_metrics import spread
from studio.models import Job, MiniBatch

MOST_BARS = 400
MOST_LANES = 32
# Failed, retried and running ones that are drawn before the others are spread over the rest.
MOST_OF_KIND = 60


@dataclass(frozen=True, kw_only=True)
class Timeline:
    lanes: Sequence[tuple[str, int, Sequence[MiniBatch]]]  # node, slot, mini-batches
    begun: datetime | None
    drawn: int
    of: int  # that have begun, as far as it is known
    hidden_lanes: int


def timeline(*, job: Job) -> Timeline:
    """Some hundreds of the job's mini-batches by node and slot: all where there are not more."""
    chosen = {one.pk: one for one in _chosen(job)}
    lanes: dict[tuple[str, int], list[MiniBatch]] = {}
    for one in sorted(chosen.values(), key=lambda one: (one.started_at, one.number)):
        lanes.setdefault((one.node or "", one.slot or 0), []).append(one)
    ordered = sorted(lanes.items())
    shown = ordered[:MOST_LANES]
    return Timeline(
        lanes=[(node, slot, found) for (node, slot), found in shown],
        begun=min((one.started_at for one in chosen.values() if one.started_at), default=None),
        drawn=sum(len(found) for _lane, found in shown),
        of=max(job.minibatches_done, len(chosen)),
        hidden_lanes=len(ordered) - len(shown),
    )


def _chosen(job: Job) -> list[MiniBatch]:
    begun = job.minibatches.for_timeline()
    if job.minibatches_total <= MOST_BARS:
        return list(begun.in_plan_order())
    special = [
        one
        for kind in (begun.running(), begun.failed(), begun.retried())
        for one in kind.in_plan_order()[:MOST_OF_KIND]
    ]
    rest = begun.numbered(spread(job.minibatches_done, MOST_BARS - len(special)))
    return [*special, *rest]
