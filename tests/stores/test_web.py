"""A file at an https address, on a real server: what is fetched of it, how often, and what happens when it fails."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from studio.stores import Changed, PathRefused, StoreAway
from studio.stores import public as hosts
from studio.stores import web as web_store
from studio.stores.fetching import Address, parse_address
from studio.stores.public import AddressRefused
from studio.stores.remote import BUFFER
from studio.stores.web import WebFile
from tests.stores.https_server import Handler, Server

ROWS = b"id,age\n" + b"".join(b"%d,%d\n" % (number, number % 90) for number in range(60_000))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    settings.STUDIO_HOME = tmp_path / "home"
    return settings.STUDIO_HOME


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.stores.fetching.PAUSES", (0.01, 0.01, 0.01))


def file_at(url: str, name: str = "visits.csv") -> WebFile:
    address = parse_address(url)
    return WebFile(place=address.place, file=name, query=address.query)


def test_a_range_is_all_that_is_fetched(web: Server, tmp_path: Path) -> None:
    store = file_at(web.put("/visits.csv", ROWS))
    found = store.stat("visits.csv")
    assert (found.size, found.name) == (len(ROWS), "visits.csv")
    copy = store.local_copy("visits.csv", tmp_path, etag=found.etag, ranges=[(0, 7), (100_000, 100_100)])
    assert copy.read_bytes()[:7] + copy.read_bytes()[100_000:100_100] == ROWS[:7] + ROWS[100_000:100_100]
    assert web.fetched == ["bytes=0-6", "bytes=100000-100099"]


def test_a_stream_seeks_without_reading_all(web: Server) -> None:
    store = file_at(web.put("/visits.csv", ROWS))
    with store.open("visits.csv") as stream:
        stream.seek(-10, 2)
        assert stream.read() == ROWS[-10:]
    assert web.fetched == [f"bytes={len(ROWS) - 10}-{len(ROWS) - 1}"]


@pytest.mark.parametrize(
    "server",
    [{"takes_ranges": False}, {"etag": ""}, {"takes_ranges": False, "etag": "", "has_length": False}],
)
def test_what_gives_no_parts_is_fetched_whole_and_once(
    web: Server, tmp_path: Path, server: dict[str, Any]
) -> None:
    url = web.put("/visits.csv", ROWS, **server)
    found = file_at(url).stat("visits.csv")
    assert found.size == len(ROWS)
    for start in (0, 90_000, 200_000):
        store = file_at(url)  # as another mini-batch opens it
        copy = store.local_copy("visits.csv", tmp_path, etag=found.etag, ranges=[(0, 7), (start, start + 50)])
        assert copy.read_bytes()[start : start + 50] == ROWS[start : start + 50]
        with store.open("visits.csv") as stream:
            assert stream.read() == ROWS
    assert len(web.fetched) == 1


def test_a_file_that_changed_is_not_mixed_with_what_it_was(web: Server, tmp_path: Path) -> None:
    for number, server in enumerate(({}, {"takes_ranges": False}, {"etag": ""})):
        url = web.put(f"/{number}.csv", ROWS, **server)
        store = file_at(url)
        found = store.stat("visits.csv")
        stream = store.open("visits.csv")
        if server.get("etag") != "":
            web.put(f"/{number}.csv", ROWS + b"9,9\n", **{"etag": '"two"', **server})
            assert file_at(url).stat("visits.csv").etag != found.etag
            for ranges in ([], [(0, 7)]):
                with pytest.raises(Changed):
                    file_at(url).local_copy("visits.csv", tmp_path, etag=found.etag, ranges=ranges)
        if not server:
            with pytest.raises(Changed):
                stream.read()
        stream.close()


def test_a_copy_that_nothing_vouches_for_is_believed_for_minutes(
    web: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = web.put("/visits.csv", ROWS, etag="")
    first = file_at(url).stat("visits.csv")
    assert first.etag == hashlib.sha256(ROWS).hexdigest()
    web.put("/visits.csv", b"id,age\n", etag="")
    assert file_at(url).stat("visits.csv") == first
    monkeypatch.setattr(web_store, "BELIEVED", -1)
    assert file_at(url).stat("visits.csv").size == 7
    with pytest.raises(OSError, match="changed"):
        file_at(url).local_copy("visits.csv", Path("/nowhere"), etag=first.etag)


def test_copies_go_a_day_after_their_last_use(
    web: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_at(web.put("/old.csv", ROWS, etag="")).stat("visits.csv")
    old = next((home / "downloads").glob("*/[!.]*"))
    monkeypatch.setattr(web_store, "KEPT", -1)
    file_at(web.put("/new.csv", ROWS, etag="")).stat("visits.csv")
    assert not old.exists()


def test_an_empty_file_is_one(web: Server) -> None:
    store = file_at(web.put("/visits.csv", b""))
    assert store.stat("visits.csv").size == 0
    with store.open("visits.csv") as stream:
        assert stream.read() == b""


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_no_file(web: Server, status: int) -> None:
    assert file_at(web.put("/visits.csv", status=status)).stat("visits.csv") is None


@pytest.mark.parametrize(
    ("page", "error", "said"),
    [
        ({"status": 401}, AddressRefused, r"does not let the studio in \(401\)"),
        ({"status": 403}, AddressRefused, r"does not let the studio in \(403\)"),
        ({"status": 400}, AddressRefused, r"gives no file \(400\)"),
        ({"status": 500}, StoreAway, r"busy or out of order \(500\)"),
        ({"status": 503}, StoreAway, r"busy or out of order \(503\)"),
        ({"type": "text/html; charset=utf-8"}, AddressRefused, "looks like a web page"),
    ],
)
def test_each_answer_has_its_sentence(web: Server, page: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        file_at(web.put("/visits.csv", b"x", **page)).stat("visits.csv")


def test_a_server_that_is_busy_is_asked_again(web: Server) -> None:
    for status in (429, 503):
        store = file_at(
            web.put("/visits.csv", b"a\n1\n", status=status, times=2, headers={"Retry-After": "0"})
        )
        assert store.stat("visits.csv").size == 4


def test_a_server_that_asks_for_a_pause_gets_one(web: Server) -> None:
    store = file_at(web.put("/visits.csv", b"a\n", status=429, times=1, headers={"Retry-After": "1"}))
    began = time.monotonic()
    store.stat("visits.csv")
    assert time.monotonic() - began >= 1
    web.asked.clear()
    with pytest.raises(StoreAway, match="busy"):
        file_at(web.put("/visits.csv", status=503, headers={"Retry-After": "3600"})).stat("visits.csv")
    assert len(web.asked) == 1


def test_numbers_that_no_machine_reads_are_none(web: Server) -> None:
    digits = "9" * 5000
    file_at(web.put("/visits.csv", b"a\n", status=429, times=1, headers={"Retry-After": digits})).stat(
        "visits.csv"
    )

    def boastful(handler: Handler) -> None:
        handler.answer(206, {"Content-Type": "text/csv", "Content-Range": f"bytes 0-0/{digits}"}, b"a")

    assert web_store.look_at(parse_address(web.put("/visits.csv", body=boastful))).size is None


def test_more_than_the_limit_is_not_fetched(web: Server, home: Path, settings: Any) -> None:
    settings.MAX_DOWNLOAD = 1000
    for server in ({}, {"takes_ranges": False}, {"etag": "", "has_length": False, "takes_ranges": False}):
        with pytest.raises(AddressRefused, match="the most that is read from an address"):
            file_at(web.put("/visits.csv", ROWS, **server)).stat("visits.csv")
    assert not [one for one in home.rglob("*") if one.is_file() and one.name != ".lock"]


def test_a_server_that_trickles_holds_nobody_up(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PATIENCE", 0.5)

    def trickle(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _second in range(40):
            handler.wfile.write(b"X-Wait: yes\r\n")
            time.sleep(0.1)

    store = file_at(web.put("/visits.csv", body=trickle))
    began = time.monotonic()
    with pytest.raises(StoreAway, match="answers too slowly"):
        store.stat("visits.csv")
    assert time.monotonic() - began < 3


WHOLE = {"takes_ranges": False, "etag": ""}


def test_a_file_that_comes_only_whole_and_too_slowly_is_given_up(
    web: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_store, "LONGEST", 0.3)

    def trickle(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _time in range(40):
            handler.wfile.write(b"1,2\n")
            time.sleep(0.1)

    began = time.monotonic()
    with pytest.raises(AddressRefused, match="only whole, and that took more than"):
        file_at(web.put("/visits.csv", body=trickle)).stat("visits.csv")
    assert time.monotonic() - began < 3
    assert not [one for one in home.rglob("*") if one.is_file() and one.name != ".lock"]


def test_who_waits_for_somebody_else_s_copy_waits_no_longer_than_told(
    web: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_store, "LONGEST_WAIT", 0.2)
    url = web.put("/visits.csv", ROWS, **WHOLE)
    with file_at(url)._alone(file_at(url)._copies), pytest.raises(StoreAway, match="for somebody else"):
        file_at(url).stat("visits.csv")
    assert file_at(url).stat("visits.csv").size == len(ROWS)


def test_a_server_that_hangs_up_is_away(web: Server) -> None:
    store = file_at(web.put("/visits.csv", body=lambda handler: setattr(handler, "close_connection", True)))
    with pytest.raises(StoreAway, match="does not answer"):
        store.stat("visits.csv")


def test_a_broken_off_body_is_asked_for_again_from_there(web: Server) -> None:
    url = web.put("/visits.csv", ROWS)
    cut = iter([True])

    def half(handler: Handler) -> None:
        """Once: all headers, half of the body."""
        page = web.pages["/visits.csv"]
        page.body = half
        ranged = handler.headers["Range"]
        if ranged == "bytes=0-0" or not next(cut, False):
            page.body = None
            web.asked.pop()
            handler.do_GET()
            page.body = half
            return
        handler.send_response(206)
        handler.send_header("ETag", '"one"')
        handler.send_header("Content-Range", f"bytes 0-{BUFFER - 1}/{len(ROWS)}")
        handler.send_header("Content-Length", str(BUFFER))
        handler.end_headers()
        handler.wfile.write(ROWS[:1000])
        handler.wfile.flush()
        handler.close_connection = True

    store = file_at(url)
    web.pages["/visits.csv"].body = half
    with store.open("visits.csv") as stream:
        assert stream.read() == ROWS
    expected = [(0, BUFFER), (1000, 1000 + BUFFER), (1000 + BUFFER, len(ROWS))]
    assert web.fetched == [f"bytes={start}-{end - 1}" for start, end in expected]


def test_nothing_is_written_to_an_address(web: Server, tmp_path: Path) -> None:
    store = file_at(web.put("/visits.csv", b"a\n"))
    acts = (
        lambda: store.write("x.csv", [b"x"]),
        lambda: store.put_if_absent("x.csv", Path(__file__), owner="me"),
        lambda: store.free_path("x.csv"),
        lambda: store.make_folder("x"),
        lambda: store.move("visits.csv", "x.csv", replace=True),
        lambda: store.delete("visits.csv"),
        lambda: store.delete_folder(""),
    )
    for act in acts:
        with pytest.raises(PathRefused, match="Nothing can be written to a web address"):
            act()


def test_it_is_a_folder_of_one_file(web: Server) -> None:
    store = file_at(web.put("/visits.csv", b"a\n"))
    assert [one.path for one in store.list("")] == ["visits.csv"]
    assert [one.path for one in store.entries("").items] == ["visits.csv"]
    assert store.is_folder("")
    assert not store.is_folder("visits.csv")
    assert store.stat("other.csv") is None


def test_an_address_is_shown_without_its_query() -> None:
    assert str(Address("https://example.com/x.csv", "sig=a-key")) == "https://example.com/x.csv?…"
    assert str(Address("https://example.com/x.csv")) == "https://example.com/x.csv"
