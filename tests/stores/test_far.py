"""What every datastore behind a network does alike."""

import pytest

from studio.actions.datastores import probe
from studio.stores import Changed, StoreAway
from studio.stores import remote as remotes
from studio.stores.remote import BUFFER


@pytest.fixture
def store(far):
    """Not all of the bucket or container."""
    return far.store(folder="team/a")


def test_access_is_probed_and_the_probe_leaves_nothing(store):
    assert all(step.has_passed for step in probe(store))
    assert list(store.list("")) == []


def test_only_its_folder_is_seen(store, far):
    whole = far.store()
    store.write("a.csv", [b"x"])
    whole.write("secret.csv", [b"x"])
    whole.write("team/ab.csv", [b"x"])
    assert [one.path for one in store.list("")] == ["a.csv"]
    assert sorted(one.path for one in whole.list("")) == ["secret.csv", "team/a/a.csv", "team/ab.csv"]


class Breaking:
    """A body that breaks off after some bytes."""

    def __init__(self, data, after, failure):
        self.data, self.left, self.failure = data, after, failure

    def read(self, size):
        if not self.left:
            raise self.failure.__new__(self.failure)
        taken, self.data = self.data[: min(size, self.left)], self.data[min(size, self.left) :]
        self.left -= len(taken)
        return taken

    def close(self):
        pass


def test_a_read_that_breaks_off_goes_on_where_it_was(store, monkeypatch):
    monkeypatch.setattr(remotes, "FIRST_PAUSE", 0)
    data = bytes(range(256)) * 1000
    asked = []

    def body(path, etag, start, end):
        asked.append(start)
        return Breaking(data[start:end], 100_000, store.failing[0])

    store.write("a.bin", [data])
    monkeypatch.setattr(store, "body", body)
    with store.open("a.bin") as stream:
        assert stream.read() == data
    assert asked == [0, 100_000, 200_000]


def test_a_read_that_breaks_off_again_and_again_is_given_up(store, monkeypatch):
    monkeypatch.setattr(remotes, "FIRST_PAUSE", 0)
    store.write("a.bin", [b"x" * 1000])
    monkeypatch.setattr(store, "body", lambda *given: Breaking(b"", 0, store.failing[0]))
    with pytest.raises(StoreAway, match="broke off"):
        store.open("a.bin").read()


def test_a_stream_asks_for_little_first_and_for_twice_as_much_while_it_is_read_on(store, monkeypatch):
    data = bytes(range(256)) * 8192
    store.write("a.bin", [data])
    asked, real = [], store.body

    def body(path, etag, start, end):
        asked.append((start, end))
        return real(path, etag, start, end)

    monkeypatch.setattr(store, "body", body)
    with store.open("a.bin") as stream:
        for start in (1_500_000, 20):
            stream.seek(start)
            assert stream.read(10) == data[start : start + 10]
        assert asked == [(start, start + BUFFER) for start in (1_500_000, 20)]
        assert stream.read() == data[30:]
    assert asked[2:] == [
        (20 + BUFFER, 20 + 3 * BUFFER),
        (20 + 3 * BUFFER, 20 + 7 * BUFFER),
        (20 + 7 * BUFFER, len(data)),
    ]


def test_an_object_that_changes_while_it_is_read_is_not_mixed(store):
    store.write("a.bin", [b"a" * 3_000_000])
    with store.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        store.write("a.bin", [b"b" * 3_000_000])
        stream.seek(2_500_000)
        with pytest.raises(OSError, match="it has changed"):
            stream.read(10)


def test_a_copy_of_what_was_planned_is_asked_for_once(store, tmp_path, monkeypatch):
    etag = store.write("a.bin", [b"abcdef"]).etag
    asked, real = [], store.body

    def body(path, etag, start, end):
        asked.append((start, end))
        return real(path, etag, start, end)

    monkeypatch.setattr(store, "body", body)
    monkeypatch.setattr(store, "stat", None)  # fails where it is called
    assert store.local_copy("a.bin", tmp_path, etag=etag, ranges=[(2, 5)]).read_bytes()[2:] == b"cde"
    assert asked == [(2, 5)]


def test_what_slices_share_is_fetched_once_for_all_of_them(store, tmp_path, monkeypatch):
    data = bytes(range(256)) * 10
    etag = store.write("a.bin", [data]).etag
    asked, real = [], store.body

    def body(path, etag, start, end):
        asked.append((start, end))
        return real(path, etag, start, end)

    monkeypatch.setattr(store, "body", body)
    for start in (100, 1000):
        copy = store.local_copy("a.bin", tmp_path, etag=etag, ranges=[(0, 50), (start, start + 500)])
        assert copy.read_bytes()[:50] + copy.read_bytes()[start:] == data[:50] + data[start : start + 500]
    store.local_copy("a.bin", tmp_path, etag=etag, ranges=[[0, 50]])  # as a plan gives them
    assert asked == [(0, 50), (100, 600), (1000, 1500), (0, 50)]
    changed = store.write("a.bin", [data[::-1]]).etag
    with pytest.raises(Changed):
        store.local_copy("a.bin", tmp_path, etag=etag, ranges=[(0, 50), (100, 600)])
    copy = store.local_copy("a.bin", tmp_path, etag=changed, ranges=[(0, 50), (100, 600)])
    assert copy.read_bytes()[:50] == data[::-1][:50]
