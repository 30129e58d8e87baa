"""What only a bucket does: what it says when it does not let the studio in, or breaks off."""

import pytest
from botocore.exceptions import ClientError

from studio.actions.datastores import probe
from studio.stores import Changed, PathRefused, StoreAway, store_of
from studio.stores.s3 import _said
from tests.stores.rclone_s3_server import rclone_s3_server
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}


def test_a_bucket_that_is_not_there_is_named(bucket):
    store = store_of("s3", {**bucket, "bucket": "nowhere-at-all"}, KEYS)
    first, *others = probe(store)
    assert first.cause == "there is no bucket “nowhere-at-all”, or no such folder in it"
    assert all(step.is_skipped for step in others)


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


def test_a_server_that_knows_no_conditions_has_its_changes_seen(tmp_path):
    """rclone hands out whatever is there now, and says its entity tag."""
    (home := tmp_path / "home").mkdir()
    (home / "bucket").mkdir()
    (home / "bucket" / "a.csv").write_bytes(b"x\n1\n2\n")
    with rclone_s3_server(home) as address:
        options = {"bucket": "bucket", "endpoint": address, "region": "us-east-1", "path_style": True}
        store = store_of("s3", options, KEYS)
        planned = store.stat("a.csv")
        assert (
            store.local_copy("a.csv", tmp_path, etag=planned.etag, ranges=[(2, 6)]).read_bytes()[2:]
            == b"1\n2\n"
        )
        (home / "bucket" / "a.csv").write_bytes(b"x\n3\n4\n5\n")
        with pytest.raises(Changed):
            store.local_copy("a.csv", tmp_path, etag=planned.etag, ranges=[(2, 6)])
