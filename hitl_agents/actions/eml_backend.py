"""Django's mail into a directory, one .eml file each: the default, so that nothing leaves by itself."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class NotStored(OSError):
    """The message was not stored, and nothing of it is left in the directory."""


class EmlBackend(BaseEmailBackend):
    """Stores each message under HITL_MAIL_DIR; names sort by time. A stored one is on disk."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """The number of messages stored. OSError at the first that cannot be, unless silent."""
        stored = 0
        for message in email_messages:
            if not message.recipients():
                continue
            try:
                _store(Path(settings.HITL_MAIL_DIR), message.message().as_bytes())
            except OSError:
                if not self.fail_silently:
                    raise
            else:
                stored += 1
        return stored


def _store(directory: Path, data: bytes) -> None:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
    temporary = directory / f".{name}.part"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(directory / f"{name}.eml")
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise NotStored(f"The message cannot be stored: {error.strerror}.") from error
    _sync(directory)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
