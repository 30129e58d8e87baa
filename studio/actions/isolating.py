"""The last attempt of a mini-batch that keeps failing: its files one by one, so that only the bad ones are lost."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.errors import InputError, PredictError, ScorerDied, ScoringError, ScoringTimeout
from scoring.processes import LocalSlice
from scoring.reports import ScoreReport, SliceReport
from scoring.summary import merge_sketches
from studio.models import MiniBatch

BY_THE_MODEL = (PredictError, ScorerDied, ScoringTimeout)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a scorer answered, and the files that it left."""

    part: Path
    errors: Path  # not there where no row failed
    report: ScoreReport


Ask = Callable[[Sequence[LocalSlice], int], Scored]  # slices, and the number of the first in its mini-batch


def score(*, minibatch: MiniBatch, slices: Sequence[LocalSlice], aside: Path, ask: Ask) -> Scored:
    """One attempt. Files that the model fails on alone are `failed` in the report; raises where it fails on all.

    Each file has the timeout for itself. `aside` is a folder to put together in what has been scored.
    """
    try:
        return ask(slices, 0)
    except BY_THE_MODEL:
        is_last = minibatch.attempts >= minibatch.job.settings["max_retries"]
        if len(slices) == 1 or not is_last:
            raise
    return _one_by_one(slices, aside, ask)


def _one_by_one(slices: Sequence[LocalSlice], aside: Path, ask: Ask) -> Scored:
    part, errors = aside / "part.arrow", aside / "errors.arrow"
    reports: list[ScoreReport] = []
    failures: list[ScoringError] = []
    for number, one in enumerate(slices):
        try:
            scored = ask([one], number)
        except (*BY_THE_MODEL, InputError) as failure:
            failures.append(failure)
            reports.append(_failed(failure))
        else:
            _append(scored.part, part)
            _append(scored.errors, errors)
            reports.append(scored.report)
    if len(failures) == len(slices):
        raise failures[0]
    return Scored(part=part, errors=errors, report=_together(reports))


def _failed(failure: ScoringError) -> ScoreReport:
    report = SliceReport(records=0, rows=0, errors=0, failed=str(failure), traceback=failure.traceback)
    return ScoreReport(slices=[report], seconds={}, sketches={})


def _append(scored: Path, whole: Path) -> None:
    """Parts and errors are streams one after the other, so bytes do; see the scorer's PartWriter."""
    if scored.exists():
        with scored.open("rb") as source, whole.open("ab") as target:
            shutil.copyfileobj(source, target)
        scored.unlink()


def _together(reports: list[ScoreReport]) -> ScoreReport:
    seconds: Counter[str] = Counter()
    for report in reports:
        seconds.update(report.seconds)
    return ScoreReport(
        slices=[one for report in reports for one in report.slices],
        seconds=dict(seconds),
        sketches=merge_sketches([report.sketches for report in reports]),
    )
