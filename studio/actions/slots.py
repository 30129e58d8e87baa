"""A slot of a node scores one mini-batch after the other, and does the paperwork of each while the next is scored."""

import logging
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from scoring.dividing import holds_records
from scoring.errors import EnvironmentBuildError, InputError, ModelLoadError, ScoringCanceled, ScoringError
from scoring.plan import file_kind
from scoring.processes import LocalSlice, Scorer
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.settings import ScoringSettings
from studio.actions import isolating, minibatches, parts, provisioning, scorers, scratch
from studio.actions.inputs import input_places
from studio.actions.log_shipping import ScorerLog
from studio.errors import StudioError, Unavailable
from studio.models import Job, MiniBatch, Node
from studio.models.leases import Leased
from studio.models.states import MoveRefused
from studio.stores import Changed, open_store, reason
from studio.stores.repeats import counted_for

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 8  # files of a mini-batch that lie elsewhere
STAYS = 1.0  # seconds that a slot scores for one job before it looks whether another has fewer running


class Misdivided(ScoringError):
    """A slice whose borders were guessed does not hold whole records."""


class AtWork(Protocol):
    """The node that a slot belongs to."""

    row: Node
    name: str
    stopping: threading.Event
    is_draining: bool
    dropped: set[int]  # ids of jobs that nobody wants any more

    def holding(self, row: Leased) -> AbstractContextManager[uuid.UUID]: ...

    def is_unwanted(self, job_id: int) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class KeptForJob:
    """What a slot keeps for a job from one of its mini-batches to the next."""

    job: Job
    places: Callable[[str], str]  # inputs.input_places()
    log: ScorerLog  # what the model prints
    scorer: Callable[..., AbstractContextManager[Scorer]]  # scorers.leased() with what the job needs


@dataclass(kw_only=True)
class OnDesk:
    """A mini-batch from its claim to its record."""

    minibatch: MiniBatch
    around: ExitStack  # ends with it: its lease and its folder
    folder: Path = Path()  # for what has to be fetched, and for its part
    slices: list[LocalSlice] = field(default_factory=list)  # once they are on this machine
    scored: isolating.Scored | None = None
    began: float = 0.0  # by the monotonic clock
    ended: float = 0.0


class Slot:
    """Used by one thread at a time, but for ship_logs() and forget().

    Up to three mini-batches of one job are on its desk: one that is done, one that is being scored, one in hand that
    comes next.
    """

    def __init__(self, node: AtWork, number: int) -> None:
        self.number = number
        self.job_id: int | None = None  # that it scores for
        self._node = node
        self._kept: dict[int, KeptForJob] = {}  # by job id
        self._done: OnDesk | None = None
        self._in_hand: OnDesk | None = None
        self._stays_until = 0.0
        self._rests = False

    def score_all(self) -> None:
        """Until no mini-batch is eligible, or something that all of them need is away."""
        self._rests = False
        try:
            while current := self._next():
                self._score(current)
        finally:
            self._clear()

    def ship_logs(self) -> None:
        for kept in self._kept.copy().values():
            kept.log.ship()

    def forget(self) -> None:
        """What it keeps for jobs."""
        for job_id in self._kept.copy():
            kept = self._kept.pop(job_id, None)
            if kept:  # the node may be leaving meanwhile
                kept.log.close()

    def _next(self) -> OnDesk | None:
        """For STAYS seconds of one job: to look at all jobs takes as long as to score a thousand rows."""
        if self._done and not self._in_hand:
            self._turn_over(ahead=False)
        current, self._in_hand = self._in_hand, None
        if current and self._node.is_unwanted(current.minibatch.job_id):
            self._give_back(current)
            current = None
        if self._rests or self._node.stopping.is_set():
            return current
        if current is None:
            self._stays_until = time.monotonic() + STAYS
            claimed = minibatches.claim_minibatch(node=self._node.row, slot=self.number)
            if claimed:
                self._node.dropped.discard(claimed.job_id)  # it runs again
            current = self._laid_out(claimed)
        return current

    def _laid_out(self, minibatch: MiniBatch | None) -> OnDesk | None:
        if minibatch is None:
            return None
        around = ExitStack()
        around.enter_context(self._node.holding(minibatch))
        return OnDesk(minibatch=minibatch, around=around)

    def _score(self, current: OnDesk) -> None:
        self.job_id = current.minibatch.job_id
        with self._answering_for(current):
            kept = self._keep(current.minibatch)
            if not current.slices:
                self._fetch(kept, current)
            current.began = time.monotonic()
            ask = partial(self._ask, kept, current)
            current.scored = isolating.score(
                minibatch=current.minibatch, slices=current.slices, aside=current.folder, ask=ask
            )
            current.ended = time.monotonic()
            self._done = current

    def _fetch(self, kept: KeptForJob, one: OnDesk) -> None:
        folder = tempfile.TemporaryDirectory(dir=scratch.scratch(), prefix="minibatch-")
        one.folder = Path(one.around.enter_context(folder))
        one.slices = local_slices(
            job=kept.job,
            places=kept.places,
            minibatch=one.minibatch,
            folder=one.folder,
            stop=partial(self._node.is_unwanted, kept.job.pk),
        )

    def _ask(
        self, kept: KeptForJob, current: OnDesk, slices: Sequence[LocalSlice], first: int
    ) -> isolating.Scored:
        job = kept.job
        part, errors = current.folder / "asked.part.arrow", current.folder / "asked.errors.arrow"
        with kept.scorer() as scorer:
            if job.waiting_for:
                self._wait(job, "")
            report = scorer.score(
                slices=slices,
                first=first,
                part=part,
                errors=errors,
                timeout=job.settings["timeout"],
                pass_through=job.settings.get("pass_through", []),
                class_probabilities=job.settings.get("class_probabilities", False),
                at_once=not job.spec.get("is_divisible", True),
                meanwhile=partial(self._meanwhile, current.minibatch),
                stop=partial(self._node.is_unwanted, job.pk),
            )
        return isolating.Scored(part=part, errors=errors, report=report)

    def _meanwhile(self, current: MiniBatch) -> None:
        """While the scorer works."""
        if self._done:
            self._turn_over(ahead=True)
        elif not self._in_hand and not self._leaves():
            self._in_hand = self._laid_out(minibatches.claim_ahead(minibatch=current, node=self._node.row))
        if self._in_hand and not self._in_hand.slices:
            following, self._in_hand = self._in_hand, None
            with self._answering_for(following):
                self._fetch(self._keep(following.minibatch), following)
                self._in_hand = following

    def _turn_over(self, *, ahead: bool) -> None:
        """Record what is done, and take the next one of its job in hand."""
        done, self._done = self._done, None
        assert done
        assert done.scored
        following = None
        with self._answering_for(done):
            places = self._keep(done.minibatch).places
            check_unchanged(
                job=done.minibatch.job, places=places, minibatch=done.minibatch, slices=done.slices
            )
            part = parts.store_part(
                minibatch=done.minibatch, part=done.scored.part, errors=done.scored.errors
            )
            following = self._record(done, part, done.scored.report.to_dict(), ahead)
            done.around.close()
        self._in_hand = self._laid_out(following)

    def _record(
        self, done: OnDesk, part: dict[str, Any], report: dict[str, Any], ahead: bool
    ) -> MiniBatch | None:
        given: dict[str, Any] = {
            "minibatch": done.minibatch,
            "part": part,
            "report": report,
            "seconds": done.ended - done.began,
            "ago": time.monotonic() - done.ended,
        }
        try:
            if not self._leaves():
                return minibatches.record_and_claim(**given, node=self._node.row, ahead=ahead)
            minibatches.record_minibatch(**given)
        except MoveRefused:
            logger.info("this mini-batch belongs to another node now", extra={"action": "lease_lost"})
            parts.discard_part(minibatch=done.minibatch, part=part)
        return None

    def _leaves(self) -> bool:
        """Whether it takes nothing more of the job."""
        over = self._rests or time.monotonic() > self._stays_until
        return over or self._node.stopping.is_set() or self._node.is_draining

    @contextmanager
    def _answering_for(self, one: OnDesk) -> Iterator[None]:
        """What goes wrong within is noted at the mini-batch, which is off the desk then."""
        minibatch, is_well = one.minibatch, False
        try:
            yield
            is_well = True
        except ScoringCanceled:
            minibatches.give_back(minibatch=minibatch)
        except Unavailable as away:
            minibatches.give_back(minibatch=minibatch, at_once=False, reason=str(away))
            self._rests = True
        except Misdivided:
            logger.info("a file is divided anew", extra={"action": "misdivided"})
            minibatches.plan_anew(minibatch=minibatch)
        except (ScoringError, StudioError) as error:
            _failed(minibatch, error)
        except OSError as error:
            full = _("What was scored cannot be stored: %(reason)s. Make room, and retry the job.")
            _failed(minibatch, ScoringError(full % {"reason": reason(error)}))
        except (OperationalError, InterfaceError):
            # Not the model's failure: the lease runs out, and the sweep gives the mini-batch to the next slot.
            logger.exception("the database was away", extra={"action": "database_away"})
            close_old_connections()
            self._rests = True
        except Exception as error:
            logger.exception("a mini-batch met a bug of the studio", extra={"action": "minibatch_bug"})
            sentence = (
                f"The studio itself failed here ({type(error).__name__}). Try again; report it if it recurs."
            )
            _failed(minibatch, ScoringError(sentence, traceback=traceback.format_exc()))
        finally:
            if not is_well:
                one.around.close()

    def _give_back(self, one: OnDesk) -> None:
        try:
            minibatches.give_back(minibatch=one.minibatch)
        finally:
            one.around.close()

    def _clear(self) -> None:
        """The desk, whatever has happened."""
        self._stays_until = 0.0
        try:
            if self._done:
                self._turn_over(ahead=False)
            if self._in_hand:
                self._give_back(self._in_hand)
        finally:
            for left in (self._done, self._in_hand):
                if left:
                    left.around.close()
            self._done = self._in_hand = self.job_id = None
            self.forget()

    def _keep(self, minibatch: MiniBatch) -> KeptForJob:
        """With the model and its environment on this node."""
        if minibatch.job_id not in self._kept:
            self._kept[minibatch.job_id] = self._kept_for(minibatch.job)
        minibatch.job = self._kept[minibatch.job_id].job
        return self._kept[minibatch.job_id]

    def _kept_for(self, job: Job) -> KeptForJob:
        stop = partial(self._node.is_unwanted, job.pk)
        if not provisioning.environment_is_built(job.spec["environment"]):
            self._wait(job, _("The model's environment is being built on %(node)s."))
        model = provisioning.ensure_model(uri=job.spec["model_uri"], key=job.spec["model_key"], stop=stop)
        environment = provisioning.ensure_environment(
            spec=job.spec["environment"], log=logger.info, stop=stop
        )
        file = scratch.scorer_logs() / f"{job.name}-{self._node.name}-slot{self.number}.log"
        scorer = partial(
            scorers.leased,
            environment=environment,
            requirements=job.spec["environment"]["requirements"],
            model=model,
            variables=job.settings["environment_variables"],
            memory=self._node.row.cluster.slot_memory,
            label=job.model_label,
            log=file,
            stop=stop,
            starting=partial(self._wait, job, _("The model is being loaded on %(node)s.")),
        )
        log = ScorerLog(job=job, node=self._node.name, slot=self.number, file=file)
        places = input_places(datastore=job.input_datastore, root=job.input_path)
        return KeptForJob(job=job, places=places, log=log, scorer=scorer)

    def _wait(self, job: Job, reason: str) -> None:
        """What a job waits for on this node, as its page says it."""
        job.waiting_for = reason % {"node": self._node.name} if reason else ""
        Job.objects.filter(pk=job.pk).update(waiting_for=job.waiting_for)


def local_slices(
    *,
    job: Job,
    places: Callable[[str], str],
    minibatch: MiniBatch,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
) -> list[LocalSlice]:
    """The files of a mini-batch on this machine, in `folder` where they have to be fetched.

    One that is not as it was planned is `refused`. Raises StoreAway, Misdivided, ScoringCanceled once `stop` says so.
    """
    store, dialect = open_store(job.input_datastore), ScoringSettings.from_dict(job.settings).dialect

    def go_on() -> None:
        if stop():
            raise ScoringCanceled("Nobody wants this file any more.")

    def laid(planned: dict[str, Any]) -> LocalSlice:
        go_on()
        name, path, refused = planned["path"], folder, ""
        wanted = {"etag": planned["etag"], "ranges": planned.get("ranges", ())}
        try:
            with counted_for(job.pk, job.input_datastore):
                path = store.local_copy(places(name), folder, **wanted, between=go_on)
        except (Changed, FileNotFoundError) as error:
            refused = _refusal(name, error)
        except OSError as error:
            raise _unreadable(name, error) from error
        else:
            _check_guess(path, planned, dialect)
        return LocalSlice(
            path=path,
            kind=file_kind(name),
            name=name,
            start=planned["start"],
            end=planned["end"],
            dialect=dialect,
            refused=refused,
        )

    if not store.is_far or len(minibatch.slices) < 2:
        return [laid(one) for one in minibatch.slices]
    # Beside each other: asking for a small file takes longer than its bytes.
    threads = ThreadPoolExecutor(min(ASKED_AT_ONCE, len(minibatch.slices)))
    try:
        return list(threads.map(laid, minibatch.slices))
    finally:
        threads.shutdown(cancel_futures=True)


def _check_guess(copy: Path, planned: dict[str, Any], dialect: Dialect) -> None:
    """Raises Misdivided. A file that is no text is for its scorer to refuse."""
    if not planned.get("is_guessed"):
        return
    with suppress(FileFailure), copy.open("rb") as file:
        if not holds_records(
            file=file, name=planned["path"], start=planned["start"], end=planned["end"], dialect=dialect
        ):
            raise Misdivided(planned["path"])


def check_unchanged(
    *, job: Job, places: Callable[[str], str], minibatch: MiniBatch, slices: Sequence[LocalSlice]
) -> None:
    """Raises ScoringError for a file that changed while it was read; the next attempt refuses it alone.

    A copy is of the file that was planned, whatever has become of that.
    """
    store = open_store(job.input_datastore)
    if store.is_far:
        return
    for planned, one in zip(minibatch.slices, slices, strict=True):
        name = planned["path"]
        try:
            if not one.refused:
                store.local_copy(places(name), one.path.parent, etag=planned["etag"])
        except (Changed, FileNotFoundError) as error:
            raise ScoringError(_refusal(name, error), file=name) from error
        except OSError as error:
            raise _unreadable(name, error) from error


def _refusal(name: str, error: Changed | FileNotFoundError) -> str:
    happened = _("has changed") if isinstance(error, Changed) else _("has disappeared")
    return f"{name} {happened} since the job was planned. Create the job again."


def _unreadable(name: str, error: OSError) -> ScoringError:
    sentence = _("%(file)s cannot be read: %(reason)s.") % {"file": name, "reason": reason(error)}
    return ScoringError(sentence, file=name)


def _failed(minibatch: MiniBatch, error: ScoringError | StudioError) -> None:
    try:
        minibatches.fail_attempt(
            minibatch=minibatch,
            error=str(error),
            error_input=getattr(error, "file", "") or minibatch.slices[0]["path"],
            traceback=getattr(error, "traceback", ""),
            is_final=isinstance(error, InputError | StudioError),
            is_of_every_minibatch=isinstance(error, ModelLoadError | EnvironmentBuildError),
        )
    except MoveRefused:
        logger.info("this mini-batch belongs to another node now", extra={"action": "lease_lost"})
