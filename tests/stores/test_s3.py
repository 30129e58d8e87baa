"""What only a bucket does: what it says when it does not let the studio in, or breaks off."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from studio.actions.datastores import probe
from studio.stores import PathRefused, StoreAway, store_of
from studio.stores import remote as remotes
from studio.stores.s3 import _said
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}


def test_a_bucket_that_is_not_there_is_named(bucket):
    store = store_of("s3", {**bucket, "bucket": "nowhere-at-all"}, KEYS)
    first, *others = probe(store)
    assert first.cause == "there is no bucket “nowhere-at-all”, or no such folder in it"
    assert all(step.is_skipped for step in others)


def test_access_is_probed_and_the_probe_leaves_nothing(s3):
    assert all(step.has_passed for step in probe(s3))
    assert list(s3.list("")) == []


def test_only_its_folder_of_the_bucket_is_seen(s3, bucket):
    whole = store_of("s3", bucket, KEYS)
    s3.write("a.csv", [b"x"])
    whole.write("secret.csv", [b"x"])
    whole.write("team/ab.csv", [b"x"])
    assert [one.path for one in s3.list("")] == ["a.csv"]
    assert sorted(one.path for one in whole.list("")) == ["secret.csv", "team/a/a.csv", "team/ab.csv"]


def test_keys_that_no_path_can_name_are_shown_and_refused(s3):
    client, bucket = s3._client, s3.bucket
    for key in ("team/a/x//y.csv", "team/a/../up.csv", "team/a/back\\slash.csv"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    shown = {one.path: one.is_usable for one in s3.entries("").items}
    assert shown == {"x": True, "..": False, "back\\slash.csv": False}
    with pytest.raises(PathRefused, match="a name that no path can have"):
        list(s3.list(""))


def test_nobody_listens(bucket):
    store = store_of("s3", {**bucket, "endpoint": "http://127.0.0.1:1"}, KEYS)
    store.storage.client_config.retries = {"mode": "standard", "max_attempts": 1}
    with pytest.raises(StoreAway, match="does not answer"):
        store.stat("a.csv")


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("ExpiredToken", 400, StoreAway, "Update them on the datastore’s page"),
        ("InvalidAccessKeyId", 403, StoreAway, "refuses the datastore’s credentials"),
        ("SlowDown", 503, StoreAway, "busy"),
        ("ConditionalRequestConflict", 409, StoreAway, "busy"),
        ("Whatever", 429, StoreAway, "busy"),
        ("SomethingNew", 500, StoreAway, "out of order"),
        ("AccessDenied", 403, PermissionError, "do not allow"),
        ("NoSuchKey", 404, FileNotFoundError, "No such"),
        ("EntityTooLarge", 400, OSError, "EntityTooLarge: too large"),
    ],
)
def test_what_a_bucket_refuses_is_said_in_words(code, status, kind, words):
    said = _said(code, "too large", status)
    assert isinstance(said, kind)
    assert words in str(said)


def test_what_a_head_without_a_body_refuses_is_asked_again(s3, monkeypatch):
    """Amazon's answer to HEAD is a bare 400 or 403, whatever is the matter."""

    def refuse(code):
        def call(**given):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "HeadObject")

        return call

    monkeypatch.setattr(s3._client, "head_object", refuse("400"))
    monkeypatch.setattr(s3._client, "list_objects_v2", refuse("ExpiredToken"))
    with pytest.raises(StoreAway, match="ExpiredToken"):
        s3.stat("a.csv")
    monkeypatch.undo()
    monkeypatch.setattr(s3._client, "head_object", refuse("403"))
    with pytest.raises(PermissionError):
        s3.stat("a.csv")


def test_an_output_whose_answer_was_lost_is_recognised(s3, file, monkeypatch):
    real = s3._client.put_object

    def lost(**given):
        real(**given)
        raise ClientError({"Error": {"Code": "NoSuchUpload", "Message": ""}}, "PutObject")

    monkeypatch.setattr(s3._client, "put_object", lost)
    assert s3.put_if_absent("out.csv", file("mine"), owner="job-1").size == 4


class Breaking:
    """A body that breaks off after some bytes."""

    def __init__(self, data, after):
        self.data, self.left = data, after

    def read(self, size):
        if not self.left:
            raise ReadTimeoutError(endpoint_url="somewhere")
        taken, self.data = self.data[: min(size, self.left)], self.data[min(size, self.left) :]
        self.left -= len(taken)
        return taken

    def close(self):
        pass


def test_a_read_that_breaks_off_goes_on_where_it_was(s3, monkeypatch):
    monkeypatch.setattr(remotes, "FIRST_PAUSE", 0)
    data = bytes(range(256)) * 1000
    asked = []

    def body(path, etag, start, end):
        asked.append(start)
        return Breaking(data[start:end], 100_000)

    s3.write("a.bin", [data])
    monkeypatch.setattr(s3, "body", body)
    with s3.open("a.bin") as stream:
        assert stream.read() == data
    assert asked == [0, 100_000, 200_000]


def test_a_read_that_breaks_off_again_and_again_is_given_up(s3, monkeypatch):
    monkeypatch.setattr(remotes, "FIRST_PAUSE", 0)
    s3.write("a.bin", [b"x" * 1000])
    monkeypatch.setattr(s3, "body", lambda *given: Breaking(b"", 0))
    with pytest.raises(StoreAway, match="broke off"):
        s3.open("a.bin").read()


def test_an_object_that_changes_while_it_is_read_is_not_mixed(s3):
    s3.write("a.bin", [b"a" * 3_000_000])
    with s3.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        s3.write("a.bin", [b"b" * 3_000_000])
        stream.seek(2_500_000)
        with pytest.raises(OSError, match="it has changed"):
            stream.read(10)


def test_a_copy_of_another_object_than_was_planned_is_refused(s3, tmp_path):
    etag = s3.write("a.bin", [b"a"]).etag
    s3.write("a.bin", [b"b"])
    with pytest.raises(OSError, match="it has changed"):
        s3.local_copy("a.bin", tmp_path, etag=etag)
