"""A mail server for tests: takes one conversation, and can say no or hang up at any step."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator


class Server(socketserver.ThreadingTCPServer):
    """`answers` maps a command (EHLO, MAIL, RCPT, DATA, or "." for the end of the message) to the
    line that is answered; "" hangs up instead. `messages` holds what was accepted."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answers = answers
        self.messages: list[bytes] = []
        self.commands: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: Server
    usual = {"EHLO": "250 test", "DATA": "354 go on", ".": "250 taken", "QUIT": "221 bye"}

    def handle(self) -> None:
        goes_on = self._say("HELLO", "220 test")
        while goes_on and (line := self.rfile.readline()):
            command = line[:4].decode("latin-1").strip().upper()
            self.server.commands.append(command)
            goes_on = self._say(command, "250 fine") and command != "QUIT"
            if goes_on and command == "DATA" and "DATA" not in self.server.answers:
                goes_on = self._message()

    def _message(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        taken = self._say(".", "250 taken")
        if self.server.answers.get(".", "250").startswith("250"):
            self.server.messages.append(b"".join(lines))
        return taken

    def _say(self, command: str, otherwise: str) -> bool:
        answer = self.server.answers.get(command, self.usual.get(command, otherwise))
        if answer:
            self.wfile.write(answer.encode() + b"\r\n")
        return bool(answer)


@contextlib.contextmanager
def running(**answers: str) -> Iterator[Server]:
    """A server for the length of a block. `end` stands for the end of the message."""
    server = Server(
        {"." if name == "end" else name.upper(): text for name, text in answers.items()}
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
