"""Whatever bytes a file holds: all its records are accounted for, or one sentence says why none can be read."""

import gzip
import io
import json
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scoring.errors import InputError
from scoring.preview import first_rows
from scoring.profile import profile_file
from scoring.scorer.failures import FileFailure
from scoring.scorer.image_reading import ImageTensor, read_image
from scoring.scorer.needs import Needs
from scoring.scorer.reading import BLOCK_BYTES, open_source
from tests.scoring.test_reading import columns

FRAME = pd.DataFrame({"a": [1.5, None] * 40, "b": ["x", 'é "\n,'] * 40, "c": range(80)})
INPUTS = columns(a="double", b="string", c="long")
GIANT = 2 * BLOCK_BYTES + 4  # longer than any block
PICTURES = ["PNG", "GIF", "BMP", "TIFF", "JPEG"]


def good(kind: str) -> bytes:
    if kind == "parquet":
        file = io.BytesIO()
        FRAME.to_parquet(file, row_group_size=30)
        return file.getvalue()
    text = (
        FRAME.to_csv(index=False) if kind.startswith("csv") else FRAME.to_json(orient="records", lines=True)
    )
    return gzip.compress(text.encode()) if kind.endswith(".gz") else text.encode()


KINDS = ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"]
GOOD = {kind: good(kind) for kind in KINDS}


def read(content: bytes, kind: str, inputs: list[dict[str, object]] | None = INPUTS) -> tuple[int, int, int]:
    """How many rows could be read, how many could not, and how many records there are."""
    source = open_source(io.BytesIO(content), kind, f"x.{kind}", Needs(inputs), 300)
    rows = errors = 0
    for chunk in source.chunks():
        chunk.table.to_pandas()
        rows, errors = rows + chunk.table.num_rows, errors + len(chunk.errors)
    assert rows + errors == source.records
    return rows, errors, source.records


def said(attempt: Callable[[], object], *, unless: str) -> str:
    try:
        attempt()
    except (FileFailure, InputError) as failure:
        return str(failure)
    return unless


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3)), max_size=4),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damaged_files_are_read_or_refused_with_a_sentence(
    kind: str, changes: list[tuple[float, bytes]], cut: float | None
) -> None:
    content = bytearray(GOOD[kind])
    for place, new in changes:
        start = int(place * len(content))
        content[start : start + len(new)] = new
    content = content[: None if cut is None else int(cut * len(content))]
    name = f"x.{kind}"
    assert name in said(lambda: read(bytes(content), kind), unless=name)
    for look in (first_rows, profile_file):
        assert name in said(lambda look=look: look(stream=io.BytesIO(bytes(content)), name=name), unless=name)


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(KINDS), content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_sentence(kind: str, content: bytes) -> None:
    for inputs in (INPUTS, None):
        name = f"x.{kind}"
        assert name in said(lambda inputs=inputs: read(content, kind, inputs), unless=name)


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=300),
    kind=st.sampled_from(["PNG", "GIF", "BMP", "TIFF", "JPEG"]),
    cut=st.integers(0, 60),
)
def test_any_bytes_are_an_image_or_refused_with_a_sentence(content: bytes, kind: str, cut: int) -> None:
    real = io.BytesIO()
    Image.new("RGB", (3, 2), (1, 2, 3)).save(real, kind)
    inputs = [{"type": "tensor", "name": None, "tensor-spec": {"dtype": "uint8", "shape": [-1, -1, -1, 3]}}]
    wanted = ImageTensor(Needs(inputs), "x.png")
    for whole in (content, real.getvalue()[:cut] + content):
        refusal = said(lambda whole=whole: read_image(io.BytesIO(whole), "x.png", wanted), unless="fine")
        assert refusal == "fine" or "x.png cannot be read as an image" in refusal


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_giant_field_is_read_and_previews_stay_small(kind: str) -> None:
    giant = "long" * (GIANT // 4)
    rows = [("a", 1), (giant, 2), ("b", 3)]
    if kind == "csv":
        content = ("b,c\n" + "".join(f'"{text}",{n}\n' for text, n in rows)).encode()
    else:
        content = "".join(json.dumps({"b": text, "c": n}) + "\n" for text, n in rows).encode()
    source = open_source(io.BytesIO(content), kind, f"x.{kind}", Needs(columns(b="string", c="long")))
    lengths = [len(text) for chunk in source.chunks() for text in chunk.table.column("b").to_pylist()]
    assert (lengths, source.records) == ([1, GIANT, 1], 3)
    source = open_source(io.BytesIO(content), kind, f"x.{kind}", Needs(columns(b="double")))
    messages = [message for chunk in source.chunks() for _, _, message in chunk.errors]
    assert len(messages) == 3
    assert max(map(len, messages)) < 200
    preview = first_rows(stream=io.BytesIO(content), name=f"x.{kind}")
    assert (len(preview.columns), preview.rows) == (2, [["a", "1"]])


@pytest.mark.parametrize("inputs", [columns(a="string"), columns(a="double")])
def test_nul_bytes_are_values_like_others(inputs: list[dict[str, object]]) -> None:
    rows, errors, records = read(b'a,b\n1\0,2\n"\0\n",x\n', "csv", inputs)
    assert (rows, errors, records) == ((2, 0, 2) if inputs[0]["type"] == "string" else (0, 2, 2))


def test_text_in_parquet_that_is_not_utf8_is_set_aside() -> None:
    bad = pa.array([b"x", b"\xff", None], pa.binary()).view(pa.string())
    for array in (bad, bad.cast(pa.large_string())):
        file = io.BytesIO()
        pq.write_table(pa.table({"a": array}), file)
        assert read(file.getvalue(), "parquet", columns(a="string")) == (2, 1, 3)


def test_parquet_columns_of_one_name_are_refused_only_where_they_are_needed() -> None:
    file = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0]), pa.array([3])], ["a", "a", "c"]), file
    )
    assert read(file.getvalue(), "parquet", columns(c="long")) == (1, 0, 1)
    with pytest.raises(FileFailure, match="more than one column named 'a'"):
        read(file.getvalue(), "parquet", columns(a="double"))
