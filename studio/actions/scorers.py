"""The scorers of this process, warm for whoever needs the same model next: jobs, trials, deployments."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from scoring.environment import Environment
from scoring.errors import InputError, PredictError, ScorerBroken
from scoring.parents import is_forked
from scoring.pool import ScorerPool, ScorerSpec
from scoring.processes import Scorer
from studio.actions.scratch import scorer_logs, scratch

MOST_IDLE = 8


@cache
def pool() -> ScorerPool:
    return ScorerPool(folder=scratch(), log=scorer_logs() / "parents.log", most_idle=MOST_IDLE)


def _nothing() -> None:
    pass


@contextmanager
def leased(
    *,
    environment: Environment,
    requirements: list[str],
    model: Path,
    variables: Mapping[str, str],
    memory: int,
    label: str,
    log: Path,
    stop: Callable[[], bool],
    starting: Callable[[], None] = _nothing,
) -> Iterator[Scorer]:
    """A scorer with the model loaded. It is kept for the next one unless something has gone wrong with it.

    `memory` is its limit in bytes; `starting` is called where there is no warm one.
    """
    spec = ScorerSpec(
        python=environment.python,
        model=model,
        variables=tuple(sorted(variables.items())),
        memory_limit=memory,
        is_forked=is_forked(requirements=tuple(requirements), variables=variables),
    )
    scorer = pool().lease(spec=spec, label=label, log=log, stop=stop, starting=starting)
    try:
        yield scorer
    except (InputError, PredictError) as error:
        if isinstance(error, ScorerBroken):
            pool().discard(scorer)
        else:
            pool().give_back(scorer, failed=isinstance(error, PredictError))
        raise
    except BaseException:
        pool().discard(scorer)
        raise
    else:
        pool().give_back(scorer)
