"""The folder this installation writes to, and the secret in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


class UnusableFolder(OSError):
    """A folder that cannot be made or written to; the message is a sentence with its path."""


def make_folder(path: Path, setting: str) -> Path:
    """The absolute path of that folder, made now if it is missing, closed to other users.

    `setting` is the environment variable that names another one.
    """
    path = path.expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, setting, error.strerror or str(error)) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        raise _unusable(path, setting, "no permission to write into it")
    return path


_EFFECTIVE = os.access in os.supports_effective_ids


def _unusable(path: Path, setting: str, why: str) -> UnusableFolder:
    return UnusableFolder(
        f"The folder {path} cannot be used: {why}. Name another one with {setting}."
    )


def secret_key(path: Path) -> str:
    """The key in that file (0600), made at the first start; processes starting at once agree."""
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as draft:
            draft.write(get_random_secret_key())
            draft.flush()
            os.fsync(draft.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)  # the first link wins, and is never half written
    return path.read_text(encoding="ascii").strip()
