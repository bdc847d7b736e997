"""A web server for tests: answers by path, over HTTP or TLS, and can break off at any point."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LARGE = 250_000


class Server(ThreadingHTTPServer):
    """Serves on 127.0.0.1. `seen` holds method, path, headers and body of each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        name = self.path.split("?")[0].strip("/").replace("-", "_") or "hello"
        getattr(self, f"page_{name}")()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": "text/plain", "Content-Length": str(len(data)), **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def page_hello(self) -> None:
        self._send(200, "Grüße".encode())

    def page_latin(self) -> None:
        self._send(200, b"Gr\xfc\xdfe", Content_Type="text/plain; charset=ISO-8859-1")

    def page_picture(self) -> None:
        self._send(200, b"\x89PNG\r\n\x1a\n\0\0\xff", Content_Type="image/png")

    def page_moved(self) -> None:
        self._send(302, b"elsewhere", Location="http://169.254.169.254/latest/meta-data/")

    def page_missing(self) -> None:
        self._send(404, b"no such thing")

    def page_large(self) -> None:
        self._send(200, b"x" * LARGE)

    def page_endless(self) -> None:
        """No length: the end of the connection ends it."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        for _ in range(LARGE // 1000):
            self.wfile.write(b"x" * 1000)

    def page_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    def page_twice(self) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page_many_headers(self) -> None:
        self._send(200, b"", **{f"X_{number}": "y" * 1000 for number in range(60)})

    def page_hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def page_half(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half of it")
        self.page_hang_up()

    def page_nonsense(self) -> None:
        self.wfile.write(b"EHLO not http\r\n\r\n")
        self.page_hang_up()

    def page_drops(self) -> None:
        """One byte now and then, for longer than anybody waits."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x")
                time.sleep(0.02)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a test's output is about the test."""


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server()
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for `host`, and the file with the certificate to trust for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, secret = folder / "certificate.pem", folder / "key.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    return context, trusted
