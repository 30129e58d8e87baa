from collections import Counter
from typing import Any

from studio.api import table
from studio.api.wire import Wire


def test_no_two_bodies_or_answers_have_one_name() -> None:
    """The document knows them by their names alone, and the later one would take the earlier one's place."""

    def below(shape: Any) -> set[Any]:
        own = set() if "[" in shape.__name__ else {shape}  # Page[Item] is no class of ours
        return own.union(*map(below, shape.__subclasses__()))

    assert table.api
    times = Counter(one.__name__ for one in below(Wire))
    assert [name for name, number in times.items() if number > 1] == []
