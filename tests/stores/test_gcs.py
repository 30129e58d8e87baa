"""What only Google's buckets do: how it is asked, and what it says when it fails or does not let the studio in."""

import gc
import re

import pytest

from studio.actions.datastores import probe
from studio.stores import PathRefused, StoreAway, gcs, store_of
from studio.stores.remote import PART
from tests.stores.gcs_server import TOKEN, Answer, cut_after, instead, private_key, refused, said

MEGABYTE = 1 << 20


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setitem(gcs.PATIENT, "retry", None)


def ranges(google) -> list[tuple[int, int]]:
    """From, to before: of each request for bytes."""
    asked = [one.headers["range"] for one in google.asked if "alt=media" in one.path]
    found = [re.fullmatch(r"bytes=(\d+)-(\d+)", one) for one in asked]
    return [(int(one[1]), int(one[2]) + 1) for one in found if one]


def test_a_bucket_that_is_not_there_is_named(google_bucket):
    store = store_of("gcs", {**google_bucket, "bucket": "nowhere-at-all"}, {})
    first, *others = probe(store)
    assert first.cause == "there is no bucket “nowhere-at-all”, or no such folder in it"
    assert all(step.is_skipped for step in others)


def test_access_is_probed_and_the_probe_leaves_nothing(gcs_store):
    assert all(step.has_passed for step in probe(gcs_store))
    assert list(gcs_store.list("")) == []


def test_only_its_folder_of_the_bucket_is_seen(gcs_store, google_bucket):
    whole = store_of("gcs", google_bucket, {})
    gcs_store.write("a.csv", [b"x"])
    whole.write("secret.csv", [b"x"])
    whole.write("team/ab.csv", [b"x"])
    assert [one.path for one in gcs_store.list("")] == ["a.csv"]
    assert sorted(one.path for one in whole.list("")) == ["secret.csv", "team/a/a.csv", "team/ab.csv"]


def test_keys_that_no_path_can_name_are_shown_and_refused(gcs_store):
    for key in ("team/a/x//y.csv", "team/a/../up.csv", "team/a/back\\slash.csv"):
        gcs_store.storage.bucket.blob(key).upload_from_string(b"x")
    shown = {one.path: one.is_usable for one in gcs_store.entries("").items}
    assert shown == {"x": True, "..": False, "back\\slash.csv": False}
    with pytest.raises(PathRefused, match="a name that no path can have"):
        list(gcs_store.list(""))


def test_a_page_of_a_folder_is_one_request_for_as_many_as_it_shows(gcs_store, google):
    for number in range(7):
        gcs_store.write(f"{number}.csv", [b"x"])
    google.asked.clear()
    assert len(gcs_store.entries("", limit=3).items) == 3
    (asked,) = google.asked
    assert "maxResults=3" in asked.path


def test_an_empty_page_with_more_behind_it_is_not_the_end(gcs_store, google):
    gcs_store.write("a.csv", [b"x"])
    google.next("delimiter=", instead(said(200, {"nextPageToken": "team/a/a.csv"})))
    page = gcs_store.entries("")
    assert ([one.name for one in page.items], page.after) == (["a.csv"], None)


def test_what_is_copied_is_fetched_once_and_nothing_else(gcs_store, google, tmp_path):
    data = bytes(range(256)) * 80_000  # 20 MB
    etag = gcs_store.write("a.bin", [data]).etag
    google.asked.clear()
    wanted = [(0, 65_536), (3_000_000, 19_000_000)]
    copy = gcs_store.local_copy("a.bin", tmp_path, etag=etag, ranges=wanted).read_bytes()
    assert all(copy[start:end] == data[start:end] for start, end in wanted)
    head, *others = ranges(google)
    assert head == (0, 65_536)
    assert [end - start for start, end in others[:-1]] == [times * MEGABYTE for times in (1, 2, 4, 8)]
    assert (others[0][0], others[-1][1]) == wanted[1]
    assert [start for start, _end in others[1:]] == [end for _start, end in others[:-1]]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_read_that_breaks_off_goes_on_where_it_was(gcs_store, google):
    data = bytes(range(256)) * 3000
    gcs_store.write("a.bin", [data])
    google.next("alt=media", cut_after(100_000), refused(503, "backendError"), cut_after(300_000))
    with gcs_store.open("a.bin") as stream:
        assert stream.read() == data
    starts = [start for start, _end in ranges(google)]
    assert starts[0] == 0 < starts[1] <= 100_000
    assert starts[1] == starts[2] < starts[3] <= 400_000
    assert not google.faults
    gc.collect()  # answers that the client did not read, with their connections


def test_a_read_that_breaks_off_again_and_again_is_given_up(gcs_store, google, monkeypatch):
    monkeypatch.setitem(gcs.PATIENT, "retry", gcs.RETRY.with_timeout(0.5))
    gcs_store.write("a.bin", [b"x" * 1000])
    google.next("alt=media", *[cut_after(0)] * 1000)
    with pytest.raises(StoreAway, match="does not answer"):
        gcs_store.open("a.bin").read()


def test_an_object_that_changes_while_it_is_read_is_not_mixed(gcs_store):
    gcs_store.write("a.bin", [b"a" * 3_000_000])
    with gcs_store.open("a.bin") as stream:
        assert stream.read(10) == b"a" * 10
        gcs_store.write("a.bin", [b"b" * 3_000_000])
        stream.seek(2_500_000)
        with pytest.raises(OSError, match="it has changed"):
            stream.read(10)


def test_what_is_written_is_sent_as_it_is_made_and_seen_when_it_is_whole(gcs_store, google):
    made = 0

    def chunks():
        nonlocal made
        for _ in range(5 * PART // MEGABYTE):
            sent = sum(int(one.headers["content-length"]) for one in google.asked if one.method == "PUT")
            assert made - sent <= 3 * PART
            assert gcs_store.stat("big.bin") is None
            made += MEGABYTE
            yield b"x" * MEGABYTE

    assert gcs_store.write("big.bin", chunks()).size == 5 * PART == made


def test_a_part_that_is_throttled_is_sent_again(gcs_store, google):
    piece = bytes(range(256)) * 4096
    google.next("upload_id=", refused(503, "backendError"), refused(429, "rateLimitExceeded"))
    gcs_store.write("big.bin", [piece] * (2 * PART // MEGABYTE + 1))
    with gcs_store.open("big.bin") as stream:
        assert stream.read() == piece * (2 * PART // MEGABYTE + 1)
    assert not google.faults


def test_a_part_of_which_less_was_kept_is_said_and_nothing_is_left(gcs_store, google):
    google.next("upload_id=", instead(Answer(308, [("Range", "bytes=0-0")], b"")))
    with pytest.raises(StoreAway, match=r"out of order \(308\)"):
        gcs_store.write("big.bin", [b"x" * PART] * 3)
    assert list(gcs_store.list("")) == []


def test_an_output_whose_answer_was_lost_is_recognised(gcs_store, google, file):
    google.next("uploadType=multipart", cut_after(0))
    assert gcs_store.put_if_absent("out.csv", file("mine"), owner="job-1").size == 4
    assert len([one for one in google.asked if "uploadType=multipart" in one.path]) == 2


@pytest.mark.parametrize(
    ("status", "reason", "kind", "words"),
    [
        (401, "authError", StoreAway, "refuses the datastore’s credentials"),
        (403, "forbidden", PermissionError, "do not allow"),
        (403, "rateLimitExceeded", StoreAway, "busy or out of order (rateLimitExceeded)"),
        (429, "rateLimitExceeded", StoreAway, "busy"),
        (503, "backendError", StoreAway, "out of order (backendError)"),
        (404, "notFound", FileNotFoundError, "No such"),
        (400, "userProjectMissing", OSError, "userProjectMissing: Whose project pays?"),
    ],
)
def test_what_a_bucket_refuses_is_said_in_words(gcs_store, google, impatient, status, reason, kind, words):
    etag = gcs_store.write("a.csv", [b"x"]).etag
    acts = {
        "prefix=": lambda: gcs_store.entries(""),
        "alt=media": lambda: gcs_store.body("a.csv", etag, 0, 1).read(1),
        "uploadType=multipart": lambda: gcs_store.write("a.csv", [b"y"]),
    }
    for path, act in acts.items():
        google.next(path, refused(status, reason, "Whose project pays?"))
        with pytest.raises(kind) as caught:
            act()
        assert words in str(caught.value)


def test_an_answer_that_is_not_of_google_is_no_surprise(gcs_store, google, impatient):
    html = Answer(502, [("Content-Type", "text/html")], b"<h1>Bad gateway</h1>")
    google.next("prefix=", instead(html), instead(said(418, ["teapot"])))
    with pytest.raises(StoreAway, match="502"):
        gcs_store.entries("")
    with pytest.raises(OSError, match="418"):
        gcs_store.entries("")


def test_nobody_listens(google_bucket, monkeypatch):
    monkeypatch.setitem(gcs.PATIENT, "retry", gcs.RETRY.with_timeout(0.3))
    store = store_of("gcs", {**google_bucket, "endpoint": "http://127.0.0.1:1"}, {})
    with pytest.raises(StoreAway, match="does not answer"):
        store.stat("a.csv")


def test_a_key_file_is_exchanged_for_a_token(google_bucket, google):
    store = store_of("gcs", google_bucket, {"key_file": google.key_file()})
    assert all(step.has_passed for step in probe(store))
    exchange, *others = google.asked
    assert exchange.path == "/token"
    assert {one.headers["authorization"] for one in others} == {f"Bearer {TOKEN}"}


def test_a_key_that_was_withdrawn_is_said_and_not_shown(google_bucket, google):
    store = store_of("gcs", google_bucket, {"key_file": google.key_file()})
    google.next("/token", instead(said(400, {"error": "invalid_grant", "error_description": private_key()})))
    with pytest.raises(StoreAway) as caught:
        store.entries("")
    assert str(caught.value) == (
        "The storage refuses the datastore’s credentials (invalid_grant). Update them on the datastore’s page."
    )


def test_a_token_that_is_not_taken_is_asked_anew_and_then_given_up(google_bucket, google):
    store = store_of("gcs", google_bucket, {"key_file": google.key_file()})
    google.next("prefix=", *[refused(401, "authError")] * 3)
    with pytest.raises(StoreAway, match="refuses the datastore’s credentials \\(authError\\)"):
        store.entries("")
    assert len([one for one in google.asked if one.path == "/token"]) == 3


def test_a_machine_without_credentials_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(StoreAway) as caught:
        store_of("gcs", {"bucket": "clinic"}, {}).stat("a.csv")
    assert "refuses the datastore’s credentials (NoCredentials)" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
