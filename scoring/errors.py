"""Failures of the engine. Each message is a sentence a person can act on."""

from collections.abc import Mapping


class ScoringError(Exception):
    """Base of all failures that are not bugs of the engine."""

    def __init__(self, message: str, *, file: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.traceback = traceback


class InputError(ScoringError):
    """An input file or the input as a whole cannot be scored."""


class EnvironmentBuildError(ScoringError):
    """The model's environment cannot be built; `log` is what the installer said.

    `instead` maps requirements to others with which it can, where that was found out.
    """

    def __init__(self, message: str, *, log: str = "", instead: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.log = log
        self.instead = dict(instead or {})


class ModelLoadError(ScoringError):
    """The model cannot be loaded, or cannot score its own example."""


class PredictError(ScoringError):
    """The model's predict raised, or answered something that does not fit its input."""


class ScorerBroken(PredictError):
    """Something else than the model's predict failed in its process, which is not what it was any more."""


class ScorerDied(ScoringError):
    """The scorer process ended by itself."""


class ScoringTimeout(ScoringError):
    """A scorer was killed because it took longer than it may."""


class ScoringCanceled(ScoringError):
    """A scorer was killed because nobody wants its answer any more."""


class OutputError(ScoringError):
    """The parts do not add up to the input, or cannot be put together."""
