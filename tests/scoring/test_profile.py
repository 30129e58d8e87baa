import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.errors import InputError
from scoring.profile import FileProfile, profile_file


def csv_profile(text: str, **options: int) -> FileProfile:
    return profile_file(stream=io.BytesIO(text.encode()), name="x.csv", **options)


def test_numbers_have_range_nulls_distinct_and_a_spread() -> None:
    rows = "".join(f"{number % 50},{number / 4}\n" for number in range(99)) + "NA,\n"
    profile = csv_profile("a,b\n" + rows)
    a, b = profile.columns
    assert (a.type, a.nulls, a.distinct, a.least, a.greatest) == ("double", 1, 50, "0.0", "49.0")
    assert (b.type, b.nulls, b.distinct, b.least, b.greatest) == ("double", 1, 99, "0.0", "24.5")
    assert sum(bar.count for bar in b.bars) == 99
    assert (profile.looked_at, profile.is_whole, profile.total) == (100, True, 100)


def test_few_whole_numbers_have_a_bar_each() -> None:
    (column,) = csv_profile("a\n" + "1\n2\n2\n").columns
    assert [(bar.label, bar.count) for bar in column.bars] == [("1", 1), ("2", 2)]


def test_words_have_their_commonest_values() -> None:
    (column,) = csv_profile("city\n" + "Ulm\n" * 3 + "Bonn\n" + "NA\n").columns
    assert [(bar.label, bar.count) for bar in column.bars] == [("Ulm", 3), ("Bonn", 1)]
    assert (column.nulls, column.distinct, column.least, column.greatest) == (1, 2, "Bonn", "Ulm")


def test_keys_have_no_commonest_value() -> None:
    (column,) = csv_profile("id\n" + "".join(f"key-{number}\n" for number in range(50))).columns
    assert (column.distinct, column.bars) == (50, [])


def test_only_the_first_rows_are_looked_at() -> None:
    profile = csv_profile("a\n" + "".join(f"{number}\n" for number in range(500)), rows=100)
    assert (profile.looked_at, profile.is_whole, profile.total) == (100, False, None)
    assert profile.columns[0].greatest == "99"
    assert len(profile.shown) == 20


def test_of_a_wide_file_fewer_rows_are_looked_at() -> None:
    line = ",".join(["1"] * 3000) + "\n"
    names = ",".join(f"c{number}" for number in range(3000)) + "\n"
    assert csv_profile(names + line * 300).looked_at == 100


def test_rows_that_do_not_fit_the_header_are_counted() -> None:
    profile = csv_profile('a,b\n1,2\n1\n1,2,3\n"x\ny",2\n')
    assert (profile.ragged, profile.looked_at, profile.columns[1].distinct) == (2, 4, 1)


@pytest.mark.parametrize(
    "values", ["inf\n-inf\n1\n", "nan\n", "9" * 5000 + "\n1\n", "1e308\n-1e308\n", "0\n0\n"]
)
def test_odd_numbers_break_nothing(values: str) -> None:
    (column,) = csv_profile("a\n" + values).columns
    assert all(bar.count >= 0 for bar in column.bars)


def test_a_header_alone_has_columns_and_no_rows() -> None:
    profile = csv_profile("a,b\n")
    assert ([column.name for column in profile.columns], profile.looked_at) == (["a", "b"], 0)


def test_parquet_says_how_many_rows_it_has() -> None:
    file = io.BytesIO()
    table = pa.table(
        {
            "n": pa.array([1, None, 3] * 100, pa.int32()),
            "f": [1.5, float("nan"), float("inf")] * 100,
            "s": ["x", "y", None] * 100,
            "l": [[1], [2], None] * 100,
        }
    )
    pq.write_table(table, file, row_group_size=64)
    file.seek(0)
    profile = profile_file(stream=file, name="x.parquet", rows=100)
    n, f, s, nested = profile.columns
    assert (profile.looked_at, profile.total, profile.is_whole) == (100, 300, False)
    assert (n.type, n.nulls, n.distinct, n.least, n.greatest) == ("integer", 33, 2, "1", "3")
    assert (f.nulls, f.least) == (33, "1.5")
    assert (s.nulls, s.distinct) == (33, 2)
    assert nested.distinct == 2
    assert profile.shown[1] == [None, "nan", "y", "[2]"]


def test_parquet_without_rows_or_columns() -> None:
    for table in (pa.table({"a": pa.array([], pa.int64())}), pa.table({})):
        file = io.BytesIO()
        pq.write_table(table, file)
        file.seek(0)
        assert profile_file(stream=file, name="x.parquet").looked_at == 0


@pytest.mark.parametrize(("name", "content"), [("x.csv", b""), ("x.parquet", b"no"), ("x.txt", b"a\n")])
def test_what_cannot_be_looked_at_says_why(name: str, content: bytes) -> None:
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        profile_file(stream=io.BytesIO(content), name=name)
