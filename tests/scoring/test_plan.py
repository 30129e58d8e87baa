import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.errors import InputError
from scoring.plan import InputFile, file_kind, is_hidden, plan

names = st.text(st.sampled_from("abc._-é "), min_size=1, max_size=5).filter(lambda n: n not in (".", ".."))
paths = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]),
    st.lists(names, max_size=2), names, st.sampled_from([".csv", ".CSV", ".parquet", ".pqt"]),
)  # fmt: skip


def files(*paths: str) -> list[InputFile]:
    return [InputFile(path=path, size=1, etag=path) for path in paths]


@given(given_paths=st.sets(paths, min_size=1, max_size=30), size=st.integers(1, 7), seed=st.integers())
def test_every_visible_file_is_planned_once_in_name_order(
    given_paths: set[str], size: int, seed: int
) -> None:
    visible = sorted(path for path in given_paths if not is_hidden(path))
    shuffled = random.Random(seed).sample(sorted(given_paths), len(given_paths))
    if not visible:
        with pytest.raises(InputError, match="contains no file to score"):
            plan(files=files(*shuffled), mini_batch_size=size)
        return
    batches = plan(files=files(*shuffled), mini_batch_size=size)
    assert [one.path for batch in batches for one in batch] == visible
    assert all(len(batch) == size for batch in batches[:-1])
    assert 1 <= len(batches[-1]) <= size


def test_an_empty_folder_is_refused() -> None:
    with pytest.raises(InputError, match=r"contains no file to score.*\.csv"):
        plan(files=[], mini_batch_size=10)


def test_a_type_that_cannot_be_scored_is_named_before_anything_starts() -> None:
    with pytest.raises(
        InputError, match=r"notes\.txt cannot be scored: files of type \.txt.*\.csv, \.parquet"
    ):
        plan(files=files("a.csv", "notes.txt"), mini_batch_size=10)
    with pytest.raises(InputError, match=r"5 files.*a\.txt, b\.txt, c and 2 more"):
        plan(files=files("a.txt", "b.txt", "c", "d.xls", "e.doc", "f.csv"), mini_batch_size=10)


def test_kinds() -> None:
    assert [file_kind(path) for path in ("a.csv", "b/A.CSV", "a.parquet", "a.pqt")] == ["csv"] * 2 + [
        "parquet"
    ] * 2
    with pytest.raises(InputError, match="files without a type"):
        file_kind("Makefile")
