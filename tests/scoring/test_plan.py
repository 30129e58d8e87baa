import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.dividing import estimate
from scoring.errors import InputError
from scoring.plan import InputFile, Slice, file_kind, is_hidden, plan

names = st.text(st.sampled_from("abc._-é "), min_size=1, max_size=5).filter(lambda n: n not in (".", ".."))
paths = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]),
    st.lists(names, max_size=2), names, st.sampled_from([".csv", ".CSV", ".parquet", ".pqt"]),
)  # fmt: skip


def files(*paths: str) -> list[InputFile]:
    return [InputFile(path=path, size=1, etag=path) for path in paths]


def planned(given: list[InputFile], mini_batch_size: int, split_size: int = 0) -> list[list[Slice]]:
    divide = partial(estimate, split_size=split_size)
    return plan(files=given, mini_batch_size=mini_batch_size, split_size=split_size, divide=divide)


@given(given_paths=st.sets(paths, min_size=1, max_size=30), size=st.integers(1, 7), seed=st.integers())
def test_every_visible_file_is_planned_once_in_name_order(
    given_paths: set[str], size: int, seed: int
) -> None:
    visible = sorted(path for path in given_paths if not is_hidden(path))
    shuffled = random.Random(seed).sample(sorted(given_paths), len(given_paths))
    if not visible:
        with pytest.raises(InputError, match="contains no file to score"):
            planned(files(*shuffled), size)
        return
    batches = planned(files(*shuffled), size)
    assert [one.path for batch in batches for one in batch] == visible
    assert all(len(batch) == size for batch in batches[:-1])
    assert 1 <= len(batches[-1]) <= size


def test_an_empty_folder_is_refused() -> None:
    with pytest.raises(InputError, match=r"contains no file to score.*\.csv"):
        planned([], 10)


def test_a_type_that_cannot_be_scored_is_named_before_anything_starts() -> None:
    with pytest.raises(
        InputError, match=r"notes\.txt cannot be scored: files of type \.txt.*\.csv, \.csv\.gz, \.jsonl,"
    ):
        planned(files("a.csv", "notes.txt"), 10)
    with pytest.raises(InputError, match=r"5 files.*a\.txt, b\.txt, c and 2 more"):
        planned(files("a.txt", "b.txt", "c", "d.xls", "e.doc", "f.csv"), 10)


def test_kinds() -> None:
    assert [file_kind(path) for path in ("a.csv", "b/A.CSV", "a.parquet", "a.pqt")] == ["csv"] * 2 + [
        "parquet"
    ] * 2
    with pytest.raises(InputError, match="files without a type"):
        file_kind("Makefile")


def test_a_mini_batch_of_several_files_is_no_larger_than_the_split_size() -> None:
    sizes = {
        "a.csv": 40,
        "b.csv": 50,
        "c.csv": 20,
        "d.csv": 100,
        "e.csv": 101,
        "f.csv": 1,
        "g.csv": 1,
        "h.csv": 1,
    }
    given = [InputFile(path=path, size=size) for path, size in sizes.items()]
    batches = planned(given, 2, split_size=100)
    assert [[one.path for one in batch] for batch in batches] == [
        ["a.csv", "b.csv"],
        ["c.csv"],
        ["d.csv"],
        ["e.csv"],
        ["e.csv"],
        ["f.csv", "g.csv"],
        ["h.csv"],
    ]
    assert [len(batch) for batch in planned(given, 3)] == [3, 3, 2]
