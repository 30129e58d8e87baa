"""Numbers in what a browser sends."""

import re

# ASCII alone: isdigit() also holds for “²”, which int() refuses. 18 digits fit in a database's bigint.
_WHOLE = re.compile(r"[0-9]{1,18}")


def whole_number(text: object) -> int | None:
    """The number from 0 on that `text` is; None for anything else."""
    written = "" if text is None else str(text)
    return int(written) if _WHOLE.fullmatch(written) else None
