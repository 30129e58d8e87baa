"""What only a container of Azure does: its credentials, what it says when it refuses, requests that meet trouble."""

import time

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from studio.actions.datastores import probe
from studio.stores import PathRefused, StoreAway, store_of
from studio.stores import azure as azure_stores
from studio.stores.remote import PART
from tests.stores import azure_server
from tests.stores.troubled import way_to


@pytest.fixture
def way(azure_address):
    """To the server, through which requests of `troubled` go."""
    with way_to(azure_address) as way:
        yield way


@pytest.fixture
def troubled(azure_place, way, monkeypatch):
    monkeypatch.setattr("azure.core.pipeline.transport.HttpTransport.sleep", lambda *given: None)
    return azure_place.store(endpoint=way.address)


def with_sas(place, **given):
    token = azure_server.sas_of(place.options["container"], **given)
    return store_of(place.kind, {**place.options, "folder": "team"}, {"sas_token": token})


def busy(request):
    request.answer(503, {"x-ms-error-code": "ServerBusy", "Content-Length": "0"}, b"")
    return True


def cut_in_the_middle_of(path):
    def trouble(request):
        if request.command != "GET" or not request.path.split("?")[0].endswith(path):
            return False
        request.answer(*request.asked(), cut=300_000)
        return True

    return trouble


def lost_at(*words):
    """The server does it, and its answer does not come back."""

    def trouble(request):
        if not all(word in f"{request.command} {request.path}" for word in words):
            return False
        request.asked()
        request.close_connection = True
        return True

    return trouble


def test_a_container_that_is_not_there_is_named(azure_place):
    first, *others = probe(azure_place.store(container="nowhere-at-all"))
    assert first.cause == "there is no container “nowhere-at-all” in this account, or no such folder in it"
    assert all(step.is_skipped for step in others)


def test_a_sas_token_opens_as_a_key_does(azure_place, file):
    store = with_sas(azure_place)
    assert all(step.has_passed for step in probe(store))
    store.write("big.bin", iter([b"x" * PART, b"y"]))
    store.move("big.bin", "moved.bin", replace=False)
    assert store.put_if_absent("out.csv", file("mine"), owner="job-1").size == 4
    store.delete_folder("")
    assert list(store.list("")) == []


def test_a_sas_token_without_a_permission_is_named_by_the_step_that_needs_it(azure_place):
    steps = probe(with_sas(azure_place, permission="rl"))
    assert [step.has_passed for step in steps] == [True, False, False, False]
    assert "the credentials do not allow it" in steps[1].cause


def test_a_sas_token_that_has_ended_is_told_without_being_shown(azure_place):
    store = with_sas(azure_place, seconds=-60)
    for act in (lambda: store.stat("a"), lambda: store.entries(""), lambda: store.write("a", [b"x"])):
        with pytest.raises(StoreAway, match="refuses the datastore’s credentials") as told:
            act()
        assert "sig" not in str(told.value)
        assert told.value.__cause__ is None
        assert told.value.__suppress_context__


def test_a_wrong_key_is_told(azure_place):
    other = store_of(azure_place.kind, azure_place.options, {"account_key": "b3RoZXI="})
    with pytest.raises(StoreAway, match="Update them on the datastore’s page"):
        other.entries("")


def test_nobody_listens(azure_place, monkeypatch):
    monkeypatch.setattr("azure.core.pipeline.transport.HttpTransport.sleep", lambda *given: None)
    with pytest.raises(StoreAway, match=r"does not answer \(ServiceRequestError\)"):
        azure_place.store(endpoint="http://127.0.0.1:1/clinic").stat("a.csv")


class Answer:
    reason = headers = None

    def __init__(self, status):
        self.status_code = status


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("AuthenticationFailed", 403, StoreAway, "refuses the datastore’s credentials"),
        ("AuthorizationFailure", 403, StoreAway, "refuses the datastore’s credentials"),
        ("ServerBusy", 503, StoreAway, "busy"),
        ("Whatever", 429, StoreAway, "busy"),
        ("InvalidBlockList", 400, StoreAway, "busy"),
        ("AuthorizationPermissionMismatch", 403, PermissionError, "do not allow"),
        ("BlobNotFound", 404, FileNotFoundError, "No such"),
        ("LeaseIdMissing", 412, OSError, "LeaseIdMissing"),
    ],
)
def test_what_a_container_refuses_is_said_in_words(code, status, kind, words):
    error = HttpResponseError("https://clinic.blob.core.windows.net/a?sig=secret", response=Answer(status))
    error.error_code = code
    said = azure_stores._said(error)
    assert isinstance(said, kind)
    assert words in str(said)
    assert "secret" not in str(said)


def test_a_key_that_cannot_sign_is_told():
    assert isinstance(azure_stores._said(ClientAuthenticationError("no")), StoreAway)


def test_a_throttled_request_is_repeated(troubled, way):
    troubled.write("a.csv", [b"x"])
    way.troubles = [busy, busy]
    assert troubled.stat("a.csv").size == 1
    assert not way.troubles


def test_a_server_that_stays_busy_is_waited_for(troubled, way):
    way.troubles = [busy] * 4
    with pytest.raises(StoreAway, match=r"busy or out of order \(ServerBusy\)"):
        troubled.stat("a.csv")


def test_a_read_that_breaks_off_fetches_each_byte_about_once(troubled, way, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    data = bytes(range(256)) * 50_000  # 12.8 MB
    troubled.write("a.bin", [data])
    way.troubles, way.fetched = [cut_in_the_middle_of("a.bin")] * 2, 0
    with troubled.open("a.bin") as stream:
        assert stream.read() == data
    assert not way.troubles
    assert len(data) <= way.fetched <= len(data) + 2 * 300_000


def test_a_part_of_an_object_costs_that_part(troubled, way, tmp_path):
    troubled.write("a.bin", iter([bytes(PART)] * 2))
    way.fetched = 0
    troubled.local_copy("a.bin", tmp_path, ranges=[(0, 64 << 10), (20 << 20, 26 << 20)])
    assert way.fetched == (6 << 20) + (64 << 10)


def test_each_part_is_uploaded_once_and_seen_when_all_are_there(troubled, way):
    def parts():
        yield b"x" * PART
        yield b"y" * PART
        assert troubled.stat("big.bin") is None
        assert troubled.entries("").items == []
        yield b"z"

    troubled.write("big.bin", parts())
    assert troubled.stat("big.bin").size == 2 * PART + 1
    assert len([one for one in way.passed if "comp=block&" in one]) == 3


@pytest.mark.parametrize("size", [10, PART + 10])
def test_an_output_whose_answer_was_lost_is_recognised(troubled, way, file, size):
    way.troubles = [lost_at("PUT", "/out.csv", "comp=blocklist" if size > PART else "")]
    assert troubled.put_if_absent("out.csv", file(b"x" * size), owner="job-1").size == size
    assert not way.troubles


@pytest.mark.parametrize("size", [10, PART + 10])
def test_an_object_that_comes_between_is_not_overwritten(azure, size, monkeypatch):
    """The parts of an upload are dropped when another one of the same object ends."""

    def chunks():
        yield b"x" * size
        azure.write("out.csv", [b"theirs"])
        yield b"x"

    assert azure.put("out.csv", chunks(), if_absent=True) is False
    with azure.open("out.csv") as stream:
        assert stream.read() == b"theirs"


def test_keys_that_no_path_can_name_are_shown_and_refused(azure):
    azure._client.upload_blob("team/a/x//y.csv", b"x")
    assert [(one.name, one.is_usable) for one in azure.entries("x").items] == [("(no name)", False)]
    with pytest.raises(PathRefused, match="a name that no path can have"):
        list(azure.list(""))


def test_what_stands_for_a_folder_is_no_object(azure):
    """As accounts with a hierarchical namespace list their folders."""
    azure._client.upload_blob("team/a/in", b"", metadata={"hdi_isfolder": "true"})
    azure.write("in/a.csv", [b"x"])
    assert [one.path for one in azure.list("")] == ["in/a.csv"]
    assert [(one.name, one.is_folder) for one in azure.entries("").items] == [("in", True)]
    assert azure.stat("in") is None
    azure.free_path("in/b.csv")


def test_a_page_of_a_long_folder_is_one_request(troubled, way):
    for number in range(12):
        troubled.write(f"many/{number:02}.csv", [b"x"])
    way.passed = []
    page = troubled.entries("many", limit=5)
    following = troubled.entries("many", begin=page.after, limit=5)
    assert [one.name for one in following.items] == [f"{number:02}.csv" for number in range(5, 10)]
    assert len(way.passed) == 2
