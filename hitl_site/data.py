"""The folder this installation writes to, and the secret in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def data_dir(path: Path) -> Path:
    """The absolute path of that folder, made now if it is missing, closed to other users."""
    path = path.expanduser().resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


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
