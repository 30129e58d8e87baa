"""What only an SFTP server does: reads by ranges, renames, links, and names that are only bytes."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from django.utils.timezone import now

from studio.stores import AlreadyThere, PathRefused, StoreAway, reason, store_of
from studio.stores import sftp as sftp_module
from studio.stores.sftp_session import PIECE, Session
from tests.stores.sftp_server import PASSWORD, SftpServer, password_server

# ---- Reading


def test_a_copy_fetches_its_ranges_and_no_more_and_many_at_once(sftp, tmp_path, asked, monkeypatch):
    data = os.urandom(8 << 20)
    sftp.write("data.bin", [data])
    del asked[:]
    most = []
    real = Session.answer

    def answer(self, number):
        most.append(len(self.under_way))
        return real(self, number)

    monkeypatch.setattr(Session, "answer", answer)
    ranges = [(0, 65_536), (3_000_000, 7_000_001)]
    copy = sftp.local_copy("data.bin", tmp_path, ranges=ranges).read_bytes()
    assert all(copy[start:end] == data[start:end] for start, end in ranges)
    read = sum(given[2] for command, given in asked if command == 5)
    assert read == sum(end - start for start, end in ranges)
    assert max(most) >= 32


def test_a_few_bytes_of_a_large_file_are_few_bytes(sftp, asked):
    sftp.write("data.bin", [os.urandom(8 << 20)])
    del asked[:]
    with sftp.open("data.bin") as stream:
        stream.read(1000)
    assert sum(given[2] for command, given in asked if command == 5) <= 1 << 20


def test_a_read_goes_on_where_the_connection_broke(sshd, sftp):
    data = os.urandom(6 << 20)
    sftp.write("data.bin", [data])
    with sftp.open("data.bin") as stream:
        read = stream.read(2 << 20)
        sshd.hang_up()
        assert read + stream.read() == data


def test_an_object_that_changes_while_it_is_read_is_not_mixed(sshd, sftp):
    sftp.write("a.bin", [b"a" * 3_000_000])
    with sftp.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        sftp.write("a.bin", [b"b" * 3_000_000])
        stream.seek(2_500_000)
        with pytest.raises(OSError, match="it has changed"):
            stream.read(10)


def test_a_file_that_others_write_into_while_it_is_read_is_not_mixed(sftp, sftp_folder):
    sftp.write("a.bin", [b"a" * 3_000_000])
    with sftp.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        with (sftp_folder / "a.bin").open("r+b") as file:
            file.write(b"b" * 3_000_000)
            file.write(b"longer")
        with pytest.raises(OSError, match="it has changed"):
            stream.read()


def test_quick_changes_of_one_size_have_etags_of_their_own(sftp):
    etags = [sftp.write("a.bin", [bytes([number])]).etag for number in range(5)]
    assert len(set(etags)) == 5


# ---- Writing


def test_a_write_that_fails_without_a_reason_says_so_and_leaves_nothing(sshd, sftp_folder):
    """A limit to the size of a file, of which the server says no more than of a full disk."""
    small = SftpServer(home=sshd.home)
    small.start(largest="2048")
    try:
        store = store_of("sftp", small.options(sftp_folder), {"private_key": sshd.private_key})
        with pytest.raises(OSError, match="says “Failure” and no more; perhaps its disk is full"):
            store.write("big.bin", [bytes(PIECE)] * 100)
        assert list(sftp_folder.iterdir()) == []
        assert store.write("small.bin", [b"x"]).size == 1
    finally:
        small.stop()


@pytest.mark.parametrize(
    ("code", "said", "cause"),
    [
        (4, "No space left on device", "the disk is full"),
        (4, "Disk quota exceeded", "the quota of this disk is used up"),
        (14, "", "the disk is full"),
        (15, "", "the quota of this disk is used up"),
        (3, "Permission denied", "the studio’s user is not allowed to"),
    ],
)
def test_what_a_server_refuses_is_said_in_words(sftp, code, said, cause):
    from paramiko.message import Message

    message = Message()
    message.add_int(code)
    message.add_string(said)
    message.rewind()
    with sftp.pool.lend() as session, pytest.raises(OSError) as refused:
        session._convert_status(message)
    assert cause in reason(refused.value)


def test_what_is_not_allowed_is_said(sshd, sftp, sftp_folder):
    locked = sftp_folder / "locked"
    locked.mkdir(mode=0o755)
    if os.getuid():
        locked.chmod(0o555)
    with pytest.raises(PermissionError):
        sftp.write("locked/a.csv", [b"x"])
    with pytest.raises(PermissionError):
        sftp.put_if_absent("locked/a.csv", Path(__file__), owner="job-1")
    assert list(locked.iterdir()) == []


def test_an_upload_whose_connection_breaks_leaves_nothing(sshd, sftp, sftp_folder):
    def chunks():
        yield bytes(20 << 20)
        sshd.hang_up()
        yield bytes(20 << 20)

    with pytest.raises(StoreAway):
        sftp.write("big.bin", chunks())
    assert list(sftp_folder.iterdir()) == []


def test_what_a_dead_process_left_is_hidden_and_removed_later(sshd, sftp, sftp_folder):
    left, new = (sftp_folder / f".{sign * 32}.part" for sign in "ab")
    for path in (left, new):
        path.write_bytes(b"x")
    sshd.own(left, new)
    old = now().timestamp() - sftp_module.FORSAKEN - 60
    os.utime(left, (old, old))
    assert sftp.entries("", hidden=False).items == []
    assert list(sftp_folder.iterdir()) == [new]


def test_an_output_whose_answer_was_lost_is_recognised(sshd, sftp, file, monkeypatch):
    real = Session.rename

    def lost(self, *given):
        real(self, *given)
        sshd.hang_up()
        self.real_path(b".")

    monkeypatch.setattr(Session, "rename", lost)
    assert sftp.put_if_absent("out.csv", file("mine"), owner="job-1").size == 4
    monkeypatch.undo()
    assert sftp.put_if_absent("out.csv", file("anew"), owner="job-1").size == 4
    with sftp.open("out.csv") as stream:
        assert stream.read() == b"mine"
    with pytest.raises(AlreadyThere):
        sftp.put_if_absent("out.csv", file("other"), owner="job-2")
    sftp.settle("out.csv", owner="job-1")
    assert [one.name for one in sftp.entries("").items] == ["out.csv"]


def test_what_another_put_there_meanwhile_is_not_taken_for_ones_own(sftp, sftp_folder, file, monkeypatch):
    real = Session.rename

    def rename(self, source, target):
        shutil.copy2(os.fsdecode(source), os.fsdecode(target))  # of the same size and time
        real(self, source, target)

    monkeypatch.setattr(Session, "rename", rename)
    with pytest.raises(AlreadyThere):
        sftp.put_if_absent("out.csv", file("mine"), owner="job-1")
    assert [one.name for one in sftp_folder.iterdir()] == ["out.csv"]


def test_a_server_without_the_extension_replaces_nothing(sftp, monkeypatch):
    def unknown(self, *given):
        raise OSError(errno.EOPNOTSUPP, "Operation unsupported")

    monkeypatch.setattr(Session, "posix_rename", unknown)
    assert sftp.write("a.csv", [b"one"]).size == 3
    with pytest.raises(OSError, match="cannot replace a file in one step"):
        sftp.write("a.csv", [b"two"])
    with sftp.open("a.csv") as stream:
        assert stream.read() == b"one"


# ---- Links, names, large folders


def test_a_link_never_leads_out_of_the_folder(sftp, sftp_folder, tmp_path):
    outside = sftp_folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.csv").write_text("x")
    (sftp_folder / "in").mkdir()
    (sftp_folder / "in" / "a.csv").write_text("x")
    for name, target in {
        "out": outside,
        "file": outside / "secret.csv",
        "up": "..",
        "nowhere": outside / "new.csv",
        "loop": "loop",
        "good": "in/a.csv",
    }.items():
        (sftp_folder / name).symlink_to(target)
    for path in ("out", "out/secret.csv", "file", "up", "up/outside/secret.csv", "nowhere"):
        for act in (sftp.stat, sftp.open, sftp.entries, sftp.delete, lambda path: sftp.write(path, [b"x"])):
            with pytest.raises(PathRefused):
                act(path)
    assert sorted(one.path for one in sftp.list("")) == ["good", "in/a.csv"]
    usable = {one.name: one.is_usable for one in sftp.entries("").items}
    assert usable == {
        "in": True, "file": False, "good": True, "loop": False, "nowhere": False, "out": False, "up": False
    }  # fmt: skip
    with suppress(OSError):
        sftp.write("loop", [b"x"])
    sftp.delete_folder("")
    assert [one.name for one in outside.iterdir()] == ["secret.csv"]


def test_names_that_are_only_bytes_are_listed_and_read(sftp, sftp_folder):
    raw = os.fsencode(sftp_folder) + b"/caf\xe9.csv"
    Path(os.fsdecode(raw)).write_bytes(b"x")
    (entry,) = sftp.entries("").items
    assert (entry.name, entry.is_usable) == ("caf�.csv", False)
    (found,) = sftp.list("")
    with sftp.open(found.path) as stream:
        assert stream.read() == b"x"


def test_a_folder_in_the_home_is_kept_with_its_whole_path(tmp_path):
    with password_server() as options:
        store = store_of("sftp", {**options, "folder": ""}, {"password": PASSWORD})
        store.is_folder("")
        assert store.settled_options() == {"folder": str(Path.cwd())}


def test_a_folder_of_more_files_than_are_looked_at_is_cut(sftp, sftp_folder, monkeypatch):
    monkeypatch.setattr(sftp_module, "MOST_ENTRIES", 500)
    for number in range(1200):
        (sftp_folder / f"{number:04}.csv").touch()
    page = sftp.entries("", limit=100)
    assert (len(page.items), page.total, page.is_cut, page.after) == (100, 500, True, "100")
    assert len(list(sftp.list(""))) == 1200
