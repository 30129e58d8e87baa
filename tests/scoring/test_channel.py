"""The socket between node and scorer."""

import socket
import threading

from scoring.scorer.channel import Wire


def test_who_asks_whether_it_is_closed_does_not_disturb_who_waits() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = Wire(ours), Wire(theirs)
    asked = threading.Event()

    def ask() -> None:
        while not asked.is_set():
            assert not reading.is_closed()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for number in range(300):
            ours.settimeout(0.001)
            try:
                reading.receive()
            except TimeoutError:
                pass  # nothing was sent yet, which is no end of the connection
            writing.send({"number": number})
            ours.settimeout(5)
            assert reading.receive()[0] == {"number": number}
    finally:
        asked.set()
        thread.join()
    theirs.close()
    assert reading.is_closed()
    ours.close()
    assert reading.is_closed()
