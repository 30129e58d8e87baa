"""What every kind of datastore does alike."""

import io
import threading
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.stores import AlreadyThere, Changed, PathRefused
from studio.stores.remote import PART

ODD_NAMES = [
    "with space.csv",
    "quote'\".csv",
    "100%.csv",
    "a+b&c=d.csv",
    "naïve ünicode.csv",
    "😀.csv",
    "#hash?.csv",
    "new\nline.csv",
]


def read(store, path):
    with store.open(path) as stream:
        return stream.read()


def names(store, path="", **given):
    return [one.name for one in store.entries(path, **given).items]


def test_what_is_written_is_read(store):
    written = store.write("a/b.csv", [b"one,", b"two"])
    assert (written.path, written.size, written.name) == ("a/b.csv", 7, "b.csv")
    assert read(store, "a/b.csv") == b"one,two"
    assert store.stat("a/b.csv") == written
    assert store.stat("a") is None
    assert store.stat("a/nothing") is None
    assert store.stat("") is None


def test_an_empty_object_is_one(store):
    assert store.write("empty.csv", []).size == 0
    assert read(store, "empty.csv") == b""
    assert names(store) == ["empty.csv"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_names(store, name, request):
    if "\n" in name and request.node.callspec.params["store"] == "s3":
        return  # moto's server has no route to such a key; the second one has
    store.write(f"folder/{name}", [b"x"])
    assert read(store, f"folder/{name}") == b"x"
    (entry,) = store.entries("folder").items
    assert (entry.name, entry.path, entry.is_usable) == (name, f"folder/{name}", True)
    assert [one.path for one in store.list("folder")] == [f"folder/{name}"]
    store.move(f"folder/{name}", f"moved/{name}", replace=False)
    assert store.stat(f"moved/{name}")
    store.delete(f"moved/{name}")
    assert store.stat(f"moved/{name}") is None


def test_another_content_is_another_etag(store):
    first = store.write("a.csv", [b"one"])
    assert store.write("a.csv", [b"two"]).etag != first.etag


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/a", "..", "a\\b", "~/x", "a\0b", "x" * 300])
def test_a_path_that_leaves_is_refused_by_every_act(store, path, file):
    store.write("a.csv", [b"x"])
    acts = [
        lambda: store.check(path),
        lambda: store.stat(path),
        lambda: store.is_folder(path),
        lambda: store.entries(path),
        lambda: list(store.list(path)),
        lambda: store.open(path),
        lambda: store.write(path, [b"x"]),
        lambda: store.make_folder(path),
        lambda: store.move("a.csv", path, replace=True),
        lambda: store.move(path, "b.csv", replace=True),
        lambda: store.put_if_absent(path, file("x"), owner="me"),
        lambda: store.delete(path),
        lambda: store.delete_folder(path),
        lambda: store.free_path(path),
    ]
    for act in acts:
        with pytest.raises(PathRefused):
            act()
    assert [one.path for one in store.list("")] == ["a.csv"]


def test_a_stream_seeks(store):
    data = bytes(range(256)) * 8192  # 2 MB
    store.write("data", [data])
    with store.open("data") as stream:
        assert stream.seek(0, io.SEEK_END) == len(data)
        assert stream.read() == b""
        for start, size in ((1_000_000, 10), (5, 700_000), (700_000, 3), (0, 1), (2_097_150, 10)):
            stream.seek(start)
            assert stream.read(size) == data[start : start + size]
        assert stream.tell() == len(data)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(reads=st.lists(st.tuples(st.integers(0, 1_200_000), st.integers(0, 600_000)), max_size=8))
def test_any_reads_give_what_is_there(store, reads):
    data = bytes(range(251)) * 4400
    if store.stat("any") is None:
        store.write("any", [data])
    with store.open("any") as stream:
        for start, size in reads:
            stream.seek(start)
            assert stream.read(size) == data[start : start + size]


def test_parquet_is_read_from_a_stream(store):
    table = pa.table({"x": list(range(1000)), "y": [str(one) for one in range(1000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=100)
    store.write("t.parquet", [sink.getvalue()])
    with store.open("t.parquet") as stream:
        assert pq.ParquetFile(stream).read_row_group(3).equals(table.slice(300, 100))


def test_a_copy_has_what_was_asked_for_at_its_place(store, tmp_path):
    data = bytes(range(256)) * 16384  # 4 MB
    etag = store.write("folder/data.bin", [data]).etag
    whole = store.local_copy("folder/data.bin", tmp_path, etag=etag)
    assert (whole.name, whole.read_bytes()) == ("data.bin", data)
    ranges = [(0, 1000), (2_000_000, 3_500_000)]
    some = store.local_copy("folder/data.bin", tmp_path, etag=etag, ranges=ranges)
    copied = some.read_bytes()
    for start, end in ranges:
        assert copied[start:end] == data[start:end]


@pytest.mark.parametrize(("content", "ranges"), [(b"a", []), (b"a", [(0, 1)]), (b"", [(0, 0)])])
def test_a_copy_is_of_the_object_that_was_planned_or_refused(store, tmp_path, content, ranges):
    etag = store.write("a.bin", [content]).etag
    assert store.local_copy("a.bin", tmp_path, etag=etag, ranges=ranges).read_bytes() == content
    store.write("a.bin", [b"b"])
    with pytest.raises(Changed):
        store.local_copy("a.bin", tmp_path, etag=etag, ranges=ranges)
    store.delete("a.bin")
    with pytest.raises(FileNotFoundError):
        store.local_copy("a.bin", tmp_path, etag=etag, ranges=ranges)


def test_entries_have_folders_first_and_say_what_they_are(store):
    for path in ("b.csv", "a.csv", "z/1.csv", "z/y/2.csv", "_old/1.csv", ".hidden"):
        store.write(path, [b"xy"])
    found = store.entries("").items
    assert [(one.name, one.is_folder) for one in found[:2]] == [("_old", True), ("z", True)]
    assert sorted(one.name for one in found[2:]) == [".hidden", "a.csv", "b.csv"]
    assert {one.size for one in found[2:]} == {2}
    assert all(one.modified for one in found[2:])
    assert names(store, hidden=False) == ["z", "a.csv", "b.csv"]
    assert [one.path for one in store.entries("z").items] == ["z/y", "z/1.csv"]


def test_entries_come_in_pages_that_together_are_all(store):
    expected = [f"{number:03}.csv" for number in range(25)]
    for name in expected:
        store.write(f"many/{name}", [b"x"])
    seen, begin = [], ""
    while True:
        page = store.entries("many", begin=begin, limit=10)
        assert (page.before is None) == (not begin)
        seen += [one.name for one in page.items]
        if page.after is None:
            break
        begin = page.after
    assert seen == expected


def test_entries_may_be_those_whose_names_begin_so(store):
    for path in ("in/ab.csv", "in/abc/1.csv", "in/Ab.csv", "in/b.csv", "in/x/ab.csv", "abroad.csv"):
        store.write(path, [b"x"])
    assert [one.path for one in store.entries("in", prefix="ab").items] == ["in/abc", "in/ab.csv"]
    assert names(store, prefix="ab") == ["abroad.csv"]
    assert names(store, "in", prefix="abcd") == []
    first = store.entries("in", prefix="ab", limit=1)
    second = store.entries("in", prefix="ab", limit=1, begin=first.after)
    assert {one.name for page in (first, second) for one in page.items} == {"ab.csv", "abc"}
    assert second.after is None


@pytest.mark.parametrize("prefix", ["", "a"])
def test_entries_of_no_folder_is_an_error(store, prefix):
    with pytest.raises(OSError, match="No such"):
        store.entries("nothing", prefix=prefix)


def test_the_root_is_a_folder_that_may_be_empty(store):
    assert store.is_folder("")
    assert names(store) == []
    assert list(store.list("")) == []


def test_list_is_deep_and_only_below(store):
    for path in ("in/a.csv", "in/deep/er/b.csv", "inside.csv", "out.csv"):
        store.write(path, [b"x"])
    assert sorted(one.path for one in store.list("in")) == ["in/a.csv", "in/deep/er/b.csv"]
    assert [one.path for one in store.list("out.csv")] == ["out.csv"]
    assert len(list(store.list(""))) == 4


def test_forty_folders_deep(store):
    path = "/".join(f"f{number}" for number in range(40)) + "/a.csv"
    store.write(path, [b"x"])
    assert [one.path for one in store.list("f0")] == [path]
    assert names(store, path.rpartition("/")[0]) == ["a.csv"]


def test_a_folder_is_made_and_empty(store):
    store.make_folder("new")
    assert store.is_folder("new")
    assert names(store) == ["new"]
    assert names(store, "new") == names(store, "new/") == []
    assert store.stat("new/") is None
    assert store.is_folder("new/")
    assert list(store.list("new")) == []
    with pytest.raises(AlreadyThere):
        store.make_folder("new")


def test_a_write_that_breaks_off_leaves_nothing(store):
    def chunks():
        yield b"x" * PART
        yield b"y" * PART
        raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        store.write("big.bin", chunks())
    assert store.stat("big.bin") is None
    assert list(store.list("")) == []


def test_a_large_object_is_written_in_parts(store):
    piece = bytes(range(256)) * 4096  # 1 MB
    written = store.write("big.bin", (piece for _ in range(2 * PART // len(piece) + 1)))
    assert written.size == 2 * PART + len(piece)
    with store.open("big.bin") as stream:
        stream.seek(PART - 5)
        assert stream.read(10) == piece[-5:] + piece[:5]


@pytest.mark.parametrize("size", [0, 10, PART + 10])
def test_what_is_there_is_never_overwritten_by_put_if_absent(store, file, size):
    store.write("out.csv", [b"mine"])
    with pytest.raises(AlreadyThere, match="never overwrites"):
        store.put_if_absent("out.csv", file(b"x" * size), owner="job-1")
    assert read(store, "out.csv") == b"mine"
    assert [one.path for one in store.list("")] == ["out.csv"]


@pytest.mark.parametrize("size", [0, 10, PART + 10])
def test_the_owner_recognises_its_own(store, file, size):
    first = store.put_if_absent("out/a.csv", file(b"x" * size), owner="job-1")
    assert first.size == size
    assert store.put_if_absent("out/a.csv", file(b"y" * size), owner="job-1").etag == first.etag
    with pytest.raises(AlreadyThere):
        store.put_if_absent("out/a.csv", file(b"z" * size), owner="job-2")
    store.settle("out/a.csv", owner="job-1")
    assert [one.path for one in store.list("out")] == ["out/a.csv"]


def test_of_many_at_once_one_writes(store, file):
    outcomes = []

    def put(number):
        with suppress(AlreadyThere):
            store.put_if_absent("out.csv", file(str(number)), owner=f"job-{number}")
            outcomes.append(str(number).encode())

    threads = [threading.Thread(target=put, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [read(store, "out.csv")]


@pytest.mark.parametrize("content", [b"", b"new"])
def test_move_takes_no_place_that_is_taken(store, content):
    store.write("new", [content])
    store.write("old.csv", [b"old"])
    with pytest.raises(AlreadyThere):
        store.move("new", "old.csv", replace=False)
    assert read(store, "old.csv") == b"old"
    store.move("new", "old.csv", replace=True)
    assert read(store, "old.csv") == content
    store.move("old.csv", "deep/er.csv", replace=False)
    assert [one.path for one in store.list("")] == ["deep/er.csv"]


def test_deleting_takes_what_is_named_and_nothing_else(store):
    for path in ("a/1.csv", "a/b/2.csv", "ab.csv", "c.csv"):
        store.write(path, [b"x"])
    store.delete("c.csv")
    store.delete("c.csv")
    store.delete_folder("a")
    store.delete_folder("nothing")
    assert [one.path for one in store.list("")] == ["ab.csv"]


def test_a_place_is_free_only_where_nothing_stands_in_the_way(store):
    store.write("data.csv", [b"x"])
    store.write("folder/a.csv", [b"x"])
    store.free_path("folder/b.csv")
    store.free_path("new/deep/b.csv")
    for taken in ("data.csv", "folder"):
        with pytest.raises(AlreadyThere, match="exists already"):
            store.free_path(taken)
    with pytest.raises(AlreadyThere, match=r"data\.csv” is a file, not a folder"):
        store.free_path("data.csv/predictions.csv")
