"""Which hosts are public, and that nothing else is ever connected to."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from studio.stores.base import StoreAway
from studio.stores.fetching import fetch, parse_address
from studio.stores.public import AddressRefused, CheckedConnection, is_public
from tests.stores.https_server import Server, https_server

PRIVATE = ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
private_addresses = st.one_of(*(st.ip_addresses(v=4, network=network) for network in PRIVATE))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.9", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1",
        "fe80::1%eth0",
        "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808", "2002:7f00:1::", "2002:808:808::", "2001:0:808:808::1", "100::1",
    ],
)  # fmt: skip
def test_what_belongs_to_a_network_of_ones_own_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::6810:84e5", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(private_addresses)
def test_no_spelling_of_a_private_address_is_public(address: IPv4Address) -> None:
    number = int(address)
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96, 0x2002 << 112):
        inside = number << 80 if prefix == 0x2002 << 112 else number
        assert not is_public(IPv6Address(prefix + inside))
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost.", "LOCALHOST", "169.254.169.254", "0.0.0.0", "0", "[::]", "[fe80::1]", "127。0。0。1",
    ],
)  # fmt: skip
def test_no_spelling_of_this_machine_is_connected_to(web: Server, settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS_FOR_DATA = frozenset()
    with pytest.raises(AddressRefused, match=r"is not a public host|There is no host|This is no address"):
        fetch(parse_address(f"https://{host}:{web.port}/visits.csv"))
    assert not web.asked


def answering(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Makes the name server give one of `answers` after the other; gives the names that it was asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        now = answers[min(len(asked), len(answers)) - 1]
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in now]
        return [
            (
                family,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port, 0, 0) if family == socket.AF_INET6 else (one, port),
            )
            for family, one in zip(families, now, strict=True)
        ]

    monkeypatch.setattr(CheckedConnection, "resolve", staticmethod(resolve))
    return asked


def test_a_name_that_is_public_and_private_at_once_is_refused(
    web: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, ["93.184.215.14", "127.0.0.1"])
    with pytest.raises(AddressRefused, match=r"mixed.* is not a public host"):
        fetch(parse_address(f"https://mixed.example:{web.port}/x.csv"))
    assert not web.asked


def test_an_answer_that_changes_after_the_check_is_never_asked_for(
    web: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is public and refuses; had the connection looked the name up again, it would have got here."""
    asked = answering(monkeypatch, ["192.88.99.255"], ["127.0.0.1"])
    connected: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, place: connected.append(place) or refuse())
    with pytest.raises((StoreAway, AddressRefused)):
        fetch(parse_address("https://changing.example/x.csv"))
    assert asked == ["changing.example"]
    assert connected == [("192.88.99.255", 443)]
    with pytest.raises(AddressRefused, match="not a public host"):
        fetch(parse_address("https://changing.example/x.csv"))
    assert len(connected) == 1


def refuse() -> None:
    raise ConnectionRefusedError(111, "Connection refused")


def test_a_public_host_is_asked_at_port_443_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, ["93.184.215.14"])
    with pytest.raises(AddressRefused, match="Only port 443 is read"):
        fetch(parse_address("https://example.com:22/x.csv"))


def test_the_certificate_is_held_against_the_name_and_not_the_address(
    web: Server, authority: trustme.CA, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads to a server with another one's certificate."""
    answering(monkeypatch, ["127.0.0.1"])
    settings.ALLOWED_HOSTS_FOR_DATA = frozenset({("files.example", web.port)})
    with pytest.raises(AddressRefused, match=r"certificate of https://files.example.* is not valid"):
        fetch(parse_address(f"https://files.example:{web.port}/x.csv"))
    with https_server(authority, "files.example") as named:
        named.put("/x.csv", b"a\n1\n")
        settings.ALLOWED_HOSTS_FOR_DATA = frozenset({("files.example", named.port)})
        answer = fetch(parse_address(f"https://files.example:{named.port}/x.csv"))
        assert answer.read() == b"a\n1\n"


def test_proxies_of_the_environment_are_not_used(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(parse_address(web.put("/x.csv", b"a\n"))).read() == b"a\n"


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1:{port}/secret.csv",
        "https://[::ffff:127.0.0.1]:{port}/secret.csv",
        "https://2130706433:{port}/secret.csv",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/x.csv",
        "https://0.0.0.0:{port}/secret.csv",
    ],
)
def test_a_redirect_to_this_machine_or_its_network_is_refused(web: Server, target: str) -> None:
    web.put("/secret.csv", b"secret\n")
    here = web.put("/x.csv", status=302, headers={"Location": target.format(port=web.port)})
    with pytest.raises(AddressRefused, match="is not a public host"):
        fetch(parse_address(here))
    assert [path for path, _ranged in web.asked] == ["/x.csv"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://localhost:{port}/y.csv", "Only https addresses are read"),
        ("https://ada:pw@localhost:{port}/y.csv", "holds a user or password"),
        ("file:///etc/passwd", "Only https addresses are read"),
        ("https://[nowhere", "This is no address"),
    ],
)
def test_a_redirect_is_held_against_the_rules_of_addresses(web: Server, target: str, said: str) -> None:
    here = web.put("/x.csv", status=307, headers={"Location": target.format(port=web.port)})
    with pytest.raises(AddressRefused, match=said):
        fetch(parse_address(here))


def test_redirects_are_followed_five_times_and_not_in_circles(web: Server) -> None:
    web.put("/0.csv", b"a\n1\n")
    for number in range(1, 8):
        web.put(f"/{number}.csv", status=302, headers={"Location": f"/{number - 1}.csv"})
    assert fetch(parse_address(web.url("/5.csv"))).read() == b"a\n1\n"
    with pytest.raises(AddressRefused, match="leads on more than 5 times"):
        fetch(parse_address(web.url("/6.csv")))
    web.put("/0.csv", status=301, headers={"Location": "/1.csv"})
    with pytest.raises(AddressRefused, match="leads in a circle"):
        fetch(parse_address(web.url("/1.csv")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://example.com/x.csv", "begins with “https://”"),
        ("ftp://example.com/x.csv", "begins with “https://”"),
        ("https://ada:pw@example.com/x.csv", "user or password"),
        ("https:///x.csv", "This is no address"),
        ("https://exa\nmple.com/", "This is no address"),
        ("https://example.com:99999/", "This is no address"),
        ("https://example.com/x.csv?…", "is not shown again"),
        ("https://" + "a" * 5000, "This is no address"),
        ("https://example.com/" + "é" * 500 + "?x", "too long in front of"),
    ],
)
def test_each_wrong_address_has_its_sentence(text: str, said: str) -> None:
    with pytest.raises(AddressRefused, match=said):
        parse_address(text)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = parse_address(f"https://{text}")
    except AddressRefused:
        return
    assert found.place.startswith("https://")
    assert "@" not in found.place.split("/")[2]


def test_a_query_is_asked_for_and_never_said(web: Server, settings: Any) -> None:
    address = parse_address(web.put("/x.csv", b"a\n") + "?sig=a-key")
    fetch(address).close()
    assert web.asked == [("/x.csv?sig=a-key", "")]
    problems: list[Callable[[], Any]] = [
        lambda: web.put("/x.csv", status=403),
        lambda: web.put("/x.csv", status=418),
        lambda: web.put("/x.csv", status=302, headers={"Location": "/x.csv?sig=a-key"}),
        lambda: setattr(settings, "CA_FILE", ""),
    ]
    for arrange in problems:
        arrange()
        with pytest.raises(AddressRefused) as refused:
            fetch(address)
        assert f"https://localhost:{web.port}/x.csv?…" in str(refused.value)
        assert "a-key" not in str(refused.value)
        assert refused.value.__cause__ is None
