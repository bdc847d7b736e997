"""What a real Daphne does with large bodies, and with forms that cannot be read."""

from __future__ import annotations

import http.client
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from pages.bodies import LITTLE
from tests.support.browser.site import Site

MB = 1024 * 1024
LOGIN = "/accounts/login/"
CORRECT = "/reviews/{pk}/correct/"


class Sender:
    """A request written byte by byte, as no browser and every attacker does."""

    def __init__(self, site: Site, path: str, *lines: str) -> None:
        self.line = socket.create_connection(("127.0.0.1", site.installation.port), 60)
        head = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]
        self.line.sendall("\r\n".join(head).encode())

    def send(self, data: bytes) -> bool:
        """Whether the server still takes it."""
        try:
            self.line.sendall(data)
        except OSError:
            return False
        return True

    def answer(self) -> tuple[int, str]:
        """Status and page."""
        response = http.client.HTTPResponse(self.line)
        response.begin()
        page = response.read().decode()
        self.line.close()
        return response.status, page


def memory_of(site: Site) -> int:
    """The most memory that the web process has held so far, in bytes."""
    found = [path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if _is_web(path, site)]
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", (place / "status").read_text()) for place in found]
    return max(int(peak[1]) for peak in peaks if peak) * 1024


def _is_web(path: Path, site: Site) -> bool:
    try:
        words = path.read_bytes().decode().split("\0")
    except OSError:
        return False
    return "hitl_site.serve" in words and str(site.installation.port) in words


@pytest.mark.parametrize("length", [LITTLE + 1, 10**9, 10**12, 10**18, "9" * 19])
def test_a_declared_length_that_is_too_much_is_answered_before_anything_came(
    site: Site, length: Any
) -> None:
    status, page = Sender(site, LOGIN, f"Content-Length: {length}").answer()
    assert status == 413
    assert "This is too large to be sent here" in page
    assert "at most 1 MB" in page


def test_a_gigabyte_in_pieces_of_no_declared_length_is_stopped_at_the_first_megabyte(
    site: Site,
) -> None:
    before = memory_of(site)
    sender, piece, taken = Sender(site, LOGIN, "Transfer-Encoding: chunked"), bytes(MB), 0
    while taken < 1000 and sender.send(f"{MB:x}\r\n".encode() + piece + b"\r\n"):
        taken += 1
        sender.line.settimeout(5)  # nobody reads any more
    sender.line.close()
    assert taken < 1000
    assert memory_of(site) - before < 50 * MB


def test_a_body_in_pieces_is_refused_with_a_page(site: Site) -> None:
    sender = Sender(site, LOGIN, "Transfer-Encoding: chunked")
    sender.send(f"{LITTLE + 1:x}\r\n".encode() + bytes(LITTLE + 1) + b"\r\n")
    status, page = sender.answer()
    assert (status, "too large" in page) == (413, True)


def test_what_a_form_may_send_arrives(site: Site) -> None:
    lines = (f"Content-Length: {LITTLE}", "Content-Type: application/x-www-form-urlencoded")
    sender = Sender(site, LOGIN, *lines)
    sender.send(b"login=" + b"x" * (LITTLE - 6))
    assert sender.answer()[0] == 403  # by the check of the form, after it was read


def test_large_texts_are_for_those_who_are_signed_in_and_for_views_that_say_so(site: Site) -> None:
    number = site.run("""
from reviews import ReviewQueue
import asyncio, inspect
item = ReviewQueue().add("writer", "note", "An output.")
item = asyncio.run(item) if inspect.isawaitable(item) else item
print(getattr(item, "pk", item))
""").strip()
    path, size = CORRECT.format(pk=number), 2 * MB
    cookie = f"Cookie: sessionid={site.session_of('rita')}"
    length = f"Content-Length: {size}"
    form = "Content-Type: application/x-www-form-urlencoded"

    def status(path: str, *lines: str) -> int:
        sender = Sender(site, path, length, form, *lines)
        sender.send(b"content=" + b"x" * (size - 8))
        return sender.answer()[0]

    assert status(path, cookie) == 403  # read, and refused for its missing token
    assert status(path) == 413
    assert status(path, "Cookie: sessionid=made-up") == 413
    assert status(f"/reviews/{number}/decide/", cookie) == 413
    much = Sender(site, path, cookie, f"Content-Length: {33 * MB}")
    assert much.answer()[0] == 413


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=hex",
        "multipart/form-data; boundary=x; charset=utf-7",
        "multipart/form-data",
    ],
)
def test_a_form_that_cannot_be_read_is_answered_with_a_page_and_every_header(
    site: Site, kind: str
) -> None:
    connection = http.client.HTTPConnection("localhost", site.installation.port, timeout=60)
    connection.request("GET", LOGIN)
    first = connection.getresponse()
    first.read()
    cookie = str(first.headers["Set-Cookie"]).partition(";")[0]
    connection.request("POST", LOGIN, b"login=+AD-", {"Content-Type": kind, "Cookie": cookie})
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    assert response.status == 400
    assert "did not understand" in page
    assert "script-src" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
