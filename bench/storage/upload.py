"""Prints how long a large upload in pieces takes through the web server, and the memory of its process meanwhile.

The size in GB may be given; 10 if not. Twice as much has to be free on the disk.
"""

import json
import re
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

from tests.journeys.running import PASSWORD, RunningStudio, running_studio

PIECE = 8 << 20
FORM = "application/x-www-form-urlencoded"
ROWS = b"".join(b"%07d,%02d\n" % (row, row % 97) for row in range(800_000))
PATH = """
SELECT v.path FROM studio_dataassetversion v JOIN studio_dataasset a ON a.id = v.asset_id WHERE a.name = 'large'
"""


class Browser:
    """One that is signed in."""

    def __init__(self, address: str) -> None:
        self.connection = HTTPConnection(urlsplit(address).netloc, timeout=600)
        self.cookies: dict[str, str] = {}
        self.send("GET", "/account/sign-in/")
        self.send("POST", "/account/sign-in/", {"username": "admin", "password": PASSWORD})

    def send(self, method: str, path: str, body: Any = None) -> bytes:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else FORM
        self.connection.request(method, path, urlencode(body) if isinstance(body, dict) else body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 302), content[:1000]
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _equals, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return content


class Watched:
    """The memory of the process that answers, in MB: its pages, those that it shares in part."""

    def __init__(self, studio: RunningStudio) -> None:
        family = psutil.Process(studio.process.pid).children(recursive=True)
        self.worker = [one for one in family if "studio.wsgi" in one.cmdline()][-1]
        self.before = self.most = self.now()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def now(self) -> float:
        found = re.search(
            r"^Pss:\s+(\d+)", Path(f"/proc/{self.worker.pid}/smaps_rollup").read_text(), re.MULTILINE
        )
        assert found
        return int(found[1]) / 1024

    def _watch(self) -> None:
        while not self._ended.wait(1):
            self.most = max(self.most, self.now())

    def end(self) -> None:
        self._ended.set()


def main() -> int:
    size = int(float(sys.argv[1] if sys.argv[1:] else 10) * 1e9)
    with running_studio() as studio:
        browser, watched = Browser(studio.address), Watched(studio)
        begun = time.perf_counter()
        key = send_ahead(browser, size)
        sent = time.perf_counter()
        answers = {"name": "large", "type": "uri_file", "source": "upload"}
        browser.send(
            "POST", "/data/-/new/", {**answers, "sent": json.dumps([{"path": "large.csv", "key": key}])}
        )
        stored = time.perf_counter()
        watched.end()
        ((path,),) = studio.query(PATH)
        assert (studio.home / "datastore" / path).stat().st_size == size
        print(f"{size / 1e9:g} GB: sent in {sent - begun:.0f} s, stored in {stored - sent:.0f} s")
        print(
            f"Memory: {watched.before:.0f} MB before, {watched.most:.0f} MB at most, {watched.now():.0f} MB after"
        )
    return 0


def send_ahead(browser: Browser, size: int) -> str:
    begun = browser.send("POST", "/uploads/", {"name": "large.csv", "size": size, "modified": 1})
    found = json.loads(begun)
    while found["arrived"] < size:
        piece = ROWS[: min(PIECE, size - found["arrived"])]
        found = json.loads(browser.send("POST", f"{found['address']}?from={found['arrived']}", piece))
    key: str = found["key"]
    return key


if __name__ == "__main__":
    sys.exit(main())
