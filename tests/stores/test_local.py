import errno
import os
import shutil
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.stores import AlreadyThere, LocalFolder, PathRefused, reason, tidy


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


# ---- One folder at a time


def test_entries_are_folders_first_then_files_by_name(folder):
    for path in ("b.csv", "a.csv", "z/1.csv", "_old/1.csv", ".hidden"):
        folder.write(path, [b"xy"])
    found = folder.entries("")
    assert [(entry.name, entry.is_folder, entry.is_hidden) for entry in found.items] == [
        ("_old", True, True),
        ("z", True, False),
        (".hidden", False, True),
        ("a.csv", False, False),
        ("b.csv", False, False),
    ]
    assert found.items[3].size == 2
    assert [entry.name for entry in folder.entries("", hidden=False).items] == ["z", "a.csv", "b.csv"]
    assert [entry.path for entry in folder.entries("z").items] == ["z/1.csv"]


def test_entries_come_in_pages(folder):
    for number in range(7):
        folder.write(f"{number}.csv", [b""])
    page = folder.entries("", begin="4", limit=2)
    assert ([entry.name for entry in page.items], page.total) == (["4.csv", "5.csv"], 7)


def test_a_page_of_a_hundred_thousand_files_is_quick(folder):
    for number in range(100_000):
        os.close(os.open(folder.root / f"{number:06}", os.O_CREAT | os.O_WRONLY))
    started = time.monotonic()
    page = folder.entries("", begin="50000")
    assert time.monotonic() - started < 2
    assert (page.total, page.items[0].name) == (100_000, "050000")


def test_entries_of_links_that_lead_out_or_nowhere_cannot_be_used(folder, tmp_path):
    (folder.root / "secret").symlink_to(tmp_path / "secret.txt")
    (folder.root / "above").symlink_to(tmp_path)
    (folder.root / "broken").symlink_to("nothing")
    (folder.root / "round").symlink_to("round")
    (folder.root / "inside.csv").write_text("x")
    (folder.root / "good").symlink_to("inside.csv")
    usable = {entry.name: entry.is_usable for entry in folder.entries("").items}
    assert usable == {
        "above": False, "secret": False, "broken": False, "round": False, "inside.csv": True, "good": True,
    }  # fmt: skip
    with pytest.raises(PathRefused):
        folder.entries("above")
    with pytest.raises(PathRefused):
        folder.entries("round")


def test_entries_with_a_name_that_is_not_utf8_can_be_shown(folder):
    with open(os.fsencode(folder.root) + b"/bad\xff.csv", "w"):
        pass
    (entry,) = folder.entries("").items
    assert (entry.name, entry.is_usable) == ("bad?.csv", False)


@pytest.mark.parametrize("path", ["nothing", "file.csv"])
def test_entries_of_no_folder_is_an_error_of_the_disk(folder, path):
    folder.write("file.csv", [b"x"])
    with pytest.raises(OSError, match="directory"):
        folder.entries(path)


def test_move_takes_no_place_that_is_taken(folder):
    folder.write("new", [b"new"])
    folder.write("old.csv", [b"old"])
    with pytest.raises(AlreadyThere):
        folder.move("new", "old.csv", replace=False)
    assert (folder.root / "old.csv").read_text() == "old"
    folder.move("new", "old.csv", replace=True)
    assert (folder.root / "old.csv").read_text() == "new"
    assert os.listdir(folder.root) == ["old.csv"]


ODD_PARTS = st.one_of(
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "a",
            "link",
            "%2e%2e",
            "..%2f",
            "..\\",
            "~",
            "․․",
            "\u2025",
            "..\0",
            "ﬁ",
            "\uff0e\uff0e",
        ]
    ),
    st.text(max_size=8),
)
ACTS = {
    "path": lambda store, path: store.path(path),
    "stat": lambda store, path: store.stat(path),
    "entries": lambda store, path: store.entries(path),
    "list": lambda store, path: list(store.list(path)),
    "open": lambda store, path: store.open(path).close(),
    "write": lambda store, path: store.write(path, [b"mine"]),
    "make_folder": lambda store, path: store.make_folder(path),
    "move": lambda store, path: store.move("a", path, replace=True),
    "delete": lambda store, path: store.delete(path),
}


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(ODD_PARTS, max_size=5), act=st.sampled_from(sorted(ACTS)), slash=st.booleans())
def test_nothing_done_to_any_path_is_seen_outside(tmp_path_factory, parts, act, slash):
    around = tmp_path_factory.getbasetemp() / "property-around"
    shutil.rmtree(around, ignore_errors=True)
    (around / "root").mkdir(parents=True)
    (around / "secret.txt").write_text("secret")
    (around / "root" / "link").symlink_to(around)
    (around / "root" / "a").write_text("a")
    with suppress(PathRefused, AlreadyThere, OSError):
        ACTS[act](LocalFolder(str(around / "root")), ("/" if slash else "") + "/".join(parts))
    assert sorted(os.listdir(around)) == ["root", "secret.txt"]
    assert (around / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not allowed"),
        (9999, "odd"),
    ],
)
def test_the_cause_is_said_in_words_and_without_the_place(number, words):
    said = reason(OSError(number, "odd", "/secret/place"))
    assert words in said
    assert "secret" not in said
