"""Who is at the other end of an SFTP server's connection, who is let in, and connections that end."""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.actions.datastores import probe
from studio.stores import StoreAway, ssh, store_of
from studio.stores import sftp as sftp_module
from tests.stores.sftp_server import PASSWORD, SftpServer, password_server


@pytest.fixture
def open_anew(sshd: SftpServer, sftp_folder: Path) -> Callable[..., sftp_module.SftpFolder]:
    """The fixture's folder, with other options or secrets."""

    def opened(**changed):
        given = {**sshd.options(sftp_folder), "private_key": sshd.private_key, **changed}
        return store_of("sftp", given, {})

    return opened


# ---- Who is at the other end


def test_access_is_probed_and_the_probe_leaves_nothing(sftp, sftp_folder):
    assert all(step.has_passed for step in probe(sftp))
    assert list(sftp_folder.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(open_anew):
    first, *_others = probe(open_anew(folder="/nowhere/at/all"))
    assert first.cause == "there is no folder “/nowhere/at/all” on the server"


def test_another_host_key_is_refused_before_anything_is_sent(sshd, open_anew):
    other, log = sshd.make_key("other").with_suffix(".pub").read_text(), sshd.home / "log"
    before = log.read_text().count("Accepted publickey")
    with pytest.raises(StoreAway, match="shows another host key, SHA256:") as refused:
        open_anew(host_key=other).stat("a.csv")
    assert ssh.fingerprint(ssh.host_key_of(sshd.host_key)) in str(refused.value)
    assert ssh.fingerprint(ssh.host_key_of(other)) in str(refused.value)
    assert log.read_text().count("Accepted publickey") == before


def test_a_host_key_of_another_type_is_refused(sshd, open_anew):
    """Which a client that only looks for the known type would take for a new one."""
    with pytest.raises(StoreAway, match=r"\(ECDSA\)|\(ED25519\)"):
        open_anew(host_key=sshd.make_key("ecdsa", "ecdsa").with_suffix(".pub").read_text()).stat("a.csv")


def test_the_pinned_key_is_asked_for_where_a_server_has_several(sshd, sftp_folder):
    several = SftpServer(home=sshd.home)
    key = sshd.make_key("rsa_host", "rsa")
    several.start(f"HostKey={key}", f"HostKey={sshd.home}/host_key")
    try:
        line = key.with_suffix(".pub").read_text()
        options = {**several.options(sftp_folder), "host_key": line}
        store = store_of("sftp", options, {"private_key": sshd.private_key})
        assert store.stat("a.csv") is None
    finally:
        several.stop()


def test_the_key_that_a_server_presents_is_its_own(sshd):
    assert ssh.host_key_line(ssh.presented_host_key("127.0.0.1", sshd.port)) == sshd.host_key


@pytest.mark.parametrize("before", ["", "example.com ", "# a comment\n[h]:22 "])
def test_a_host_key_is_read_from_each_file_that_has_it(sshd, before):
    key = ssh.host_key_of(f"{before}{sshd.host_key} root@host\n")
    assert ssh.host_key_line(key) == sshd.host_key


@pytest.mark.parametrize(
    "line", ["", "nonsense", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-odd AAAA", "a b c d"]
)
def test_what_is_no_host_key_is_none(line):
    with pytest.raises(ValueError, match="no host key"):
        ssh.host_key_of(line)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"host": "no-such-host.invalid"}, "No host “no-such-host.invalid” is known"),
        ({"port": 1}, "does not answer (Connection refused)"),
        ({"user": "somebody"}, "does not let “somebody” in with the datastore’s password or key"),
        (
            {"private_key": "", "password": PASSWORD},
            "lets nobody in with what the datastore has; it takes: publickey",
        ),
    ],
)
def test_who_is_not_let_in_is_told_why(open_anew, changed, sentence, monkeypatch):
    monkeypatch.setattr(ssh, "FIRST_PAUSE", 0)
    with pytest.raises(StoreAway) as refused:
        open_anew(**changed).stat("a.csv")
    assert sentence in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_server_that_says_nothing_is_away(open_anew, monkeypatch):
    monkeypatch.setattr(ssh, "PATIENCE", 0.3)
    monkeypatch.setattr(ssh, "TRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(StoreAway, match="does not answer"):
        open_anew(port=silent.getsockname()[1]).stat("a.csv")


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive"])
def test_a_password_lets_in(tmp_path, methods):
    with password_server(methods=methods) as options:
        store = store_of("sftp", {**options, "folder": str(tmp_path)}, {"password": PASSWORD})
        assert store.write("a.csv", [b"x"]).size == 1
        wrong = store_of("sftp", {**options, "folder": str(tmp_path)}, {"password": "wrong"})
        with pytest.raises(StoreAway, match=r"does not let “ada” in|lets nobody in"):
            wrong.stat("a.csv")


@pytest.mark.parametrize(("kind", "passphrase"), [("ed25519", "two words"), ("rsa", ""), ("ecdsa", "")])
def test_private_keys_of_every_type_let_in(sshd, open_anew, kind, passphrase):
    key = sshd.make_key(f"client_{kind}", kind, passphrase=passphrase)
    with (sshd.home / "client_key.pub").open("a") as known:
        known.write(key.with_suffix(".pub").read_text())
    store = open_anew(private_key=key.read_text(), passphrase=passphrase)
    assert store.stat("a.csv") is None


@pytest.mark.parametrize(
    ("passphrase", "given", "sentence"),
    [
        ("right", "", "it has a passphrase|Give it too"),
        ("right", "wrong", "its passphrase is another one"),
    ],
)
def test_a_private_key_that_cannot_be_opened_says_why(sshd, passphrase, given, sentence):
    text = sshd.make_key("locked", passphrase=passphrase).read_text()
    with pytest.raises(ValueError, match=sentence):
        ssh.private_key_of(text, given)


def test_what_is_no_private_key_is_said(sshd):
    with pytest.raises(ValueError, match="This is no private key"):
        ssh.private_key_of(sshd.host_key, "")
    with pytest.raises(ValueError, match="lines of it are missing"):
        ssh.private_key_of("\n".join(sshd.private_key.splitlines()[:3]), "")


# ---- Connections


def test_connections_are_used_again_and_closed_when_idle(sshd, sftp, monkeypatch):
    monkeypatch.setattr(ssh, "IDLE", 0.2)
    before = sshd.connections()
    for _number in range(20):
        sftp.stat("a.csv")
    assert sshd.connections() <= before + 1
    wait_for(lambda: not sftp.pool._idle)
    wait_for(lambda: sshd.connections() <= before)
    assert sftp.stat("a.csv") is None


def test_a_connection_that_ended_is_replaced(sshd, sftp):
    sftp.write("a.csv", [b"x"])
    sshd.hang_up()
    wait_for(lambda: not sftp.pool._idle[0].is_whole)
    assert sftp.stat("a.csv")


def test_one_that_nobody_used_is_asked_whether_it_answers(sftp, asked, monkeypatch):
    sftp.stat("a.csv")
    monkeypatch.setattr(ssh, "FRESH", 0)
    del asked[:]
    sftp.stat("a.csv")
    assert asked[0] == (16, (b".",))


def test_a_server_that_restarts_is_used_again(sshd, sftp_folder):
    server = SftpServer(home=sshd.home)
    server.start()
    try:
        store = store_of("sftp", server.options(sftp_folder), {"private_key": sshd.private_key})
        store.write("a.csv", [b"x"])
        server.stop()
        with pytest.raises(StoreAway, match="does not answer"):
            store.stat("a.csv")
        server.start()
        assert store.stat("a.csv")
    finally:
        server.stop()


def test_threads_have_connections_of_their_own(sftp):
    data = {f"{number}.bin": os.urandom(500_000) for number in range(16)}
    seen, failed = {}, []

    def work(name):
        try:
            sftp.write(name, [data[name]])
            with sftp.open(name) as stream:
                seen[name] = stream.read()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[name]) for name in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert seen == data


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
