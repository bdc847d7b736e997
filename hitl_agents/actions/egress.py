"""One HTTP request to the very address that was checked, with limits on time and size."""

from __future__ import annotations

import codecs
import contextlib
import http.client
import re
import socket
import ssl
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from hitl_agents.actions.hosts import host_name

SILENCE = 20.0  # seconds to connect, and between two bytes
WHOLE = 60.0  # seconds from the connection to the last byte
# What is kept of an answer: its JSON has to fit the journal (ledger.canonical.max_bytes), and no
# text grows more than twofold on its way there.
BODY = 100_000  # bytes
HEADERS = 20_000  # characters
PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@]+)(:\d{1,5})?")
CHARSETS = frozenset(("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"))
BROKEN = (OSError, http.client.HTTPException)  # what a connection that fails raises


@dataclass(frozen=True)
class Target:
    """A URL taken apart once; everything that is sent is made from these parts."""

    secure: bool
    host: str
    port: int
    path: str


def target(url: str) -> Target:
    """The parts of an http or https URL, or ValueError with a sentence."""
    if "\\" in url or not all(_is_plain(letter) for letter in url):
        raise ValueError("no spaces, backslashes or invisible characters in a URL.")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("only full http:// and https:// URLs are accepted.")
    if "@" in parts.netloc:
        raise ValueError("no user name or password in a URL.")
    if "#" in url:
        raise ValueError("the part after # is never sent; leave it out.")
    if not PLACE.fullmatch(parts.netloc) or parts.port == 0:
        raise ValueError("the host or port of the URL is not readable.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise ValueError("percent-encode what is not ASCII after the host.")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    return Target(secure, host_name(parts.hostname or ""), port, path)


def _is_plain(letter: str) -> bool:
    return "!" <= letter <= "~" or (letter > "\x7f" and unicodedata.category(letter)[0] in "LMN")


class Connection(http.client.HTTPConnection):
    """To one of the checked addresses, under the host's own name. Knows nothing of proxies."""

    def __init__(self, place: Target, checked: list[str]) -> None:
        super().__init__(place.host, place.port, timeout=SILENCE)
        self.default_port = 443 if place.secure else 80
        self.secure = place.secure
        self.checked = checked

    def connect(self) -> None:
        """Try the addresses in turn; OSError of the last one if none answers or TLS fails."""
        self.sock = self._first()
        if self.secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def _first(self) -> socket.socket:
        for address in self.checked[:-1]:
            with contextlib.suppress(OSError):
                return socket.create_connection((address, self.port), SILENCE)
        return socket.create_connection((self.checked[-1], self.port), SILENCE)


@contextlib.contextmanager
def time_limit(connection: Connection) -> Iterator[threading.Event]:
    """Cuts the connection after WHOLE seconds, so that no server holds on drop by drop.

    The event that it gives is set when that happened.
    """
    late = threading.Event()
    line = connection.sock

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # below TLS, which is not thread safe

    timer = threading.Timer(WHOLE, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def read(response: http.client.HTTPResponse, late: threading.Event) -> tuple[bytes, int | None]:
    """The first BODY bytes of the body, and how many more there are (None: some, not known).

    Raises what is in BROKEN if the answer breaks off.
    """
    data = response.read(BODY)
    announced = response.length  # what a Content-Length still leaves; None without one
    if late.is_set() or (announced and len(data) < BODY):
        raise http.client.IncompleteRead(data, announced)
    if announced is None and len(data) == BODY and response.read(1):
        return data, None
    return data, announced or 0


def reason(error: Exception, late: threading.Event | None = None) -> str:
    """Why the connection failed, for people."""
    if late is not None and late.is_set():
        return f"it took longer than {WHOLE:.0f} seconds"
    if isinstance(error, TimeoutError):
        return f"{SILENCE:.0f} seconds of silence"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "the answer is broken off or is not HTTP"


def text(data: bytes, content_type: str) -> str | None:
    """The body as text, or None if it is none in its charset or holds control characters."""
    named = re.search(r"charset=\"?([\w-]+)", content_type, re.IGNORECASE)
    charset = named[1].lower() if named else "utf-8"
    decoder = codecs.getincrementaldecoder(charset if charset in CHARSETS else "utf-8")()
    try:
        found = decoder.decode(data)  # not final: the cut may go through a character
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", found) else found


def headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """The answer's headers by lower-case name; repeated ones are joined by commas."""
    found: dict[str, str] = {}
    size = 0
    for name, value in response.getheaders():
        size += len(name) + len(value)
        if size <= HEADERS:
            name, value = name.lower(), value.replace("\0", "\ufffd")
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
