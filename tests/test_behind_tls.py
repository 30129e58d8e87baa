"""What a browser is told where a TLS proxy stands in front: the settings of such a start, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ASK = """
import json
from django.test import Client
client = Client(headers={"Host": "studio.example.com"})
plain = client.get("/account/sign-in/?next=/jobs/")
page = client.get("/account/sign-in/", headers={"X-Forwarded-Proto": "https"})
said = client.get("/account/oidc/", headers={"X-Forwarded-Proto": "https"})  # a message, kept as sessions are
cookies = {name: dict(found) for answer in (page, said) for name, found in answer.cookies.items()}
answers = {"plain": [plain.status_code, plain["Location"]], "headers": dict(page.headers), "cookies": cookies}
print("answers", json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", ASK],
        cwd=ROOT,
        env={**os.environ, "STUDIO_PUBLIC_URL": "https://studio.example.com"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.partition("answers ")[2])
    return found


def test_http_leads_to_https(answers: dict[str, Any]) -> None:
    assert answers["plain"] == [301, "https://studio.example.com/account/sign-in/?next=/jobs/"]


def test_browsers_stay_with_https_and_put_the_studio_in_no_frame(answers: dict[str, Any]) -> None:
    headers = answers["headers"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-" not in policy


def test_cookies_go_over_https_alone(answers: dict[str, Any]) -> None:
    cookies = answers["cookies"]
    assert set(cookies) == {"csrftoken", "messages"}
    assert all(cookie["secure"] and cookie["samesite"] == "Lax" for cookie in cookies.values())
    assert cookies["messages"]["httponly"]
