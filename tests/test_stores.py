import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.stores import AlreadyThere, LocalFolder, PathRefused, tidy


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return LocalFolder(str(root))


def file(tmp_path, text, name="source"):
    source = tmp_path / name
    source.write_text(text)
    return source


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "a/../../secret.txt",
        "/etc/passwd",
        "..",
        "a\\..\\b",
        "~/x",
        "a\0b",
        "\\\\host\\share",
    ],
)
def test_a_path_that_leaves_is_refused(folder, path):
    with pytest.raises(PathRefused, match="leaves its datastore"):
        folder.stat(path)


def test_a_link_that_leaves_is_refused(folder, tmp_path):
    (folder.root / "link").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(PathRefused):
        folder.open("link")
    assert list(folder.list("")) == []


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(st.sampled_from(["..", ".", "a", "", "b c", "%2e%2e", "..."]), max_size=6),
    slash=st.booleans(),
)
def test_no_path_reaches_outside(tmp_path_factory, parts, slash):
    root = tmp_path_factory.getbasetemp() / "property-root"
    root.mkdir(exist_ok=True)
    path = ("/" if slash else "") + "/".join(parts)
    try:
        found = LocalFolder(str(root)).path(path)
    except PathRefused:
        return
    assert found.resolve().is_relative_to(root.resolve())


def test_listing_is_in_the_order_of_paths_and_deep(folder):
    for path in ("b.csv", "a/2.csv", "a/1.csv", "a/z/0.csv"):
        folder.write(path, [b"x"])
    assert {item.path for item in folder.list("")} == {"b.csv", "a/1.csv", "a/2.csv", "a/z/0.csv"}
    assert [item.path for item in folder.list("a/1.csv")] == ["a/1.csv"]


def test_a_failed_write_leaves_nothing(folder):
    def chunks():
        yield b"half"
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        folder.write("file.csv", chunks())
    assert os.listdir(folder.root) == []


def test_an_object_that_is_there_is_never_touched(folder, tmp_path):
    folder.write("out.csv", [b"mine"])
    with pytest.raises(AlreadyThere, match="never overwrites"):
        folder.put_if_absent("out.csv", file(tmp_path, "theirs"), owner="job-1")
    assert (folder.root / "out.csv").read_bytes() == b"mine"
    assert os.listdir(folder.root) == ["out.csv"]


def test_the_owner_recognises_its_own(folder, tmp_path):
    folder.put_if_absent("out.csv", file(tmp_path, "first"), owner="job-1")
    folder.put_if_absent("out.csv", file(tmp_path, "again"), owner="job-1")
    assert (folder.root / "out.csv").read_bytes() == b"first"
    with pytest.raises(AlreadyThere):
        folder.put_if_absent("out.csv", file(tmp_path, "other"), owner="job-2")
    folder.settle("out.csv", owner="job-1")
    assert os.listdir(folder.root) == ["out.csv"]


def test_of_many_at_once_one_writes(folder, tmp_path):
    outcomes = []

    def put(number):
        try:
            folder.put_if_absent("out.csv", file(tmp_path, str(number), f"s{number}"), owner=f"job-{number}")
            outcomes.append(str(number).encode())
        except AlreadyThere:
            outcomes.append(None)

    threads = [threading.Thread(target=put, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = [outcome for outcome in outcomes if outcome]
    assert written == [(folder.root / "out.csv").read_bytes()]


@pytest.mark.parametrize("path", ["a//b", "./a/b", "a/b/", "a/./b"])
def test_a_path_has_one_spelling(path):
    assert tidy(path) == "a/b"


def test_the_whole_datastore_is_listed_as_a_dot_or_nothing(folder):
    folder.write("a/1.csv", [b"x"])
    assert [item.path for item in folder.list(".")] == [item.path for item in folder.list("")] == ["a/1.csv"]


def test_a_name_that_no_disk_takes_is_refused(folder):
    with pytest.raises(PathRefused, match="too long"):
        folder.stat("x" * 300)


def test_a_location_that_is_a_file_is_refused(folder):
    folder.write("data.csv", [b"x"])
    with pytest.raises(AlreadyThere, match=r"data\.csv” is a file, not a folder"):
        folder.free_path("data.csv/predictions.csv")
