"""The settings of a deployment, which a job may override in part."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from scoring.errors import ScoringError
from scoring.scorer.dialect import AUTO, DELIMITERS, ENCODINGS, QUOTES, Dialect

OUTPUT_ACTIONS = ("append_row", "summary_only")
LOGGING_LEVELS = ("warning", "info", "debug")
OUTPUT_SUFFIXES = (".csv", ".parquet")
FORBIDDEN_IN_FILE_NAME = '~"#%&*:<>?/\\{|}'
LONGEST_TIMEOUT = 259_200
MB = 1 << 20
LARGEST_SPLIT = 1 << 40
OVERRIDABLE = (
    "output_file_name",
    "mini_batch_size",
    "split_size",
    "instance_count",
    "max_concurrency",
    "max_retries",
    "timeout",
    "error_threshold",
    "logging_level",
    "pass_through",
    "delimiter",
    "quote",
    "encoding",
)
MOST_PASSED = 100
# Each is 1 unless a deployment says otherwise.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "ARROW_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
RESERVED_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_WAIT_POLICY")
RESERVED_PREFIXES = ("PYTHON", "LD_", "DYLD_")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    output_action: str = "append_row"
    output_file_name: str = "predictions.csv"
    write_header: bool = True
    class_probabilities: bool = False  # a column for each class beside the prediction
    mini_batch_size: int = 10  # files
    split_size: int = (
        32 * MB
    )  # bytes; larger files are divided, and no mini-batch of several is larger. 0: never
    instance_count: int = 1
    max_concurrency: int | None = None  # None: the node's slots
    max_retries: int = 3
    timeout: int = 30
    error_threshold: int = -1
    logging_level: str = "info"
    environment_variables: dict[str, str] = field(default_factory=dict)
    pass_through: list[str] = field(default_factory=list)  # columns of the input, beside the predictions
    delimiter: str = AUTO  # names of scoring.scorer.dialect
    quote: str = AUTO
    encoding: str = AUTO

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ScoringError(f"Unknown setting: {', '.join(unknown)}.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["environment_variables"] = dict(self.environment_variables)
        values["pass_through"] = list(self.pass_through)
        return values

    @property
    def dialect(self) -> Dialect:
        return Dialect(self.delimiter, self.quote, self.encoding)

    def validate(self) -> dict[str, str]:
        """Field name to the sentence that says what is wrong with it; empty when all is right."""
        checks: dict[str, Callable[[Any], str]] = {
            "output_action": lambda v: _one_of(v, OUTPUT_ACTIONS),
            "output_file_name": _output_file_name,
            "write_header": lambda v: "" if isinstance(v, bool) else "Must be on or off.",
            "class_probabilities": lambda v: "" if isinstance(v, bool) else "Must be on or off.",
            "mini_batch_size": lambda v: _whole_number(v, lowest=1),
            "split_size": _split_size,
            "instance_count": lambda v: _whole_number(v, lowest=1),
            "max_concurrency": lambda v: "" if v is None else _whole_number(v, lowest=1),
            "max_retries": lambda v: _whole_number(v, lowest=0),
            "timeout": lambda v: _whole_number(v, lowest=1, highest=LONGEST_TIMEOUT),
            "error_threshold": lambda v: _whole_number(v, lowest=-1),
            "logging_level": lambda v: _one_of(v, LOGGING_LEVELS),
            "environment_variables": _environment_variables,
            "pass_through": _pass_through,
            "delimiter": lambda v: _one_of(v, (AUTO, *DELIMITERS)),
            "quote": lambda v: _one_of(v, (AUTO, *QUOTES)),
            "encoding": lambda v: _one_of(v, (AUTO, *ENCODINGS)),
        }
        found = {name: check(getattr(self, name)) for name, check in checks.items()}
        return {name: sentence for name, sentence in found.items() if sentence}


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    return "" if value in allowed else f"Must be one of {', '.join(allowed)}."


def _whole_number(value: object, *, lowest: int, highest: int | None = None) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return "Must be a whole number."
    if highest is not None and not lowest <= value <= highest:
        return f"Must be between {lowest} and {highest}."
    return "" if value >= lowest else f"Must be {lowest} or more."


def _split_size(value: object) -> str:
    said = _whole_number(value, lowest=0, highest=LARGEST_SPLIT)
    if said or value == 0 or (isinstance(value, int) and value >= MB):
        return said
    return "Must be 1 MB or more, or 0 to divide no file."


def _output_file_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "Give the output file a name, for example predictions.csv."
    forbidden = sorted({c for c in value if c in FORBIDDEN_IN_FILE_NAME or ord(c) < 32})
    if forbidden:
        return f"The name must not contain {' '.join(c if ord(c) >= 32 else repr(c) for c in forbidden)}."
    if value != value.strip() or len(value.encode()) > 200:
        return "The name must be at most 200 bytes long, without spaces at its ends."
    if value.startswith((".", "_")):
        return "The name must not start with . or _, since such files are left out when a folder is read."
    if not value.endswith(OUTPUT_SUFFIXES):
        return "The name must end in .csv or .parquet, which decides the format."
    return ""


def _environment_variables(value: object) -> str:
    if not isinstance(value, Mapping):
        return "Give names and values."
    for name, content in value.items():
        if not isinstance(name, str) or not _VARIABLE_NAME.fullmatch(name):
            return f"{name!r} is not a variable name: letters, digits and _, not starting with a digit."
        if name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIXES):
            return f"{name} is set by the studio and cannot be changed."
        if name in THREAD_VARIABLES and not re.fullmatch("[1-9][0-9]{0,2}", str(content)):
            return f"{name} must be a whole number of threads, such as 2."
        if not isinstance(content, str) or "\0" in content:
            return f"The value of {name} must be text without NUL characters."
    return ""


def _pass_through(value: object) -> str:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        return "Give the names of columns."
    if len(set(value)) < len(value):
        twice = next(name for name in value if value.count(name) > 1)
        return f"{twice} is named twice; a column is passed through once."
    if len(value) > MOST_PASSED:
        return f"At most {MOST_PASSED} columns can be passed through."
    if any("\0" in name or len(name) > 1000 for name in value):
        return "The name of a column must be at most 1000 characters long, without NUL characters."
    return ""
