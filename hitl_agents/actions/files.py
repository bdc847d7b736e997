"""write_file: text into one directory, and out of it by no path, link or race."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import Field, field_validator

from approvals.actions import ActionContext, ActionFailed, Arguments, OutcomeUnknown, action

DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, invisible ones, surrogates, line separators
LIKE_SIGNS = "\u2044\u2215\u29f8\uff0f\u2571\u29f5\uff3c\ufe68\u2216\u2236\ua789\uff1a\ufe55\u2024\uff0e\ufe52"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WriteFile(Arguments):
    """What write_file takes."""

    path: str = Field(
        min_length=1,
        max_length=1000,
        description="Where, below the workspace, such as notes/summary.md. No absolute path.",
    )
    content: str = Field(description="The whole text of the file. A file of that name is replaced.")

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith("/"):
            raise ValueError("an absolute path is refused; name a place below the workspace.")
        for part in path.split("/"):
            _check_name(part)
        return path


def _check_name(part: str) -> None:
    """ValueError unless `part` can only mean one entry of the folder that it is in."""
    if part in ("", ".", ".."):
        raise ValueError("empty parts, . and .. are refused in a path.")
    if any(unicodedata.category(letter) in HIDDEN for letter in part):
        raise ValueError("control characters and invisible ones are refused in a path.")
    _check_look(part)
    if "\\" in part or ":" in part:
        raise ValueError("\\ and : are refused in a path.")
    if part != part.strip() or part.endswith("."):
        raise ValueError("no part of a path may begin or end with a space or end with a dot.")
    if DEVICES.fullmatch(part):
        raise ValueError("the name of a device is refused in a path.")
    if len(part.encode()) > 255:
        raise ValueError("a part of the path is longer than 255 bytes.")


def _check_look(part: str) -> None:
    """ValueError for a name that a reader would take for another one, or for two."""
    if unicodedata.normalize("NFC", part) != part:
        raise ValueError(
            "letters with loose accents are refused in a path: two names would look alike."
        )
    if any(sign in part for sign in LIKE_SIGNS) or "  " in part:
        raise ValueError("signs that look like / \\ : or a dot, and blanks in a row, are refused.")


def _preview(arguments: WriteFile) -> str:
    lines = len(arguments.content.splitlines())
    size = len(arguments.content.encode())
    return f"{arguments.path}: {lines:,} line{'s' * (lines != 1)}, {size:,} bytes"


@action(
    floor="low",
    undoable=False,  # a file that was there is replaced, and no copy of it is kept
    idempotent=True,
    preview=_preview,
    does="Approve writes the file at once; a file of that name is replaced.",
)
def write_file(arguments: WriteFile, context: ActionContext) -> dict[str, Any]:
    """Write a text file in the workspace, replacing a file of that name."""
    data = arguments.content.encode()
    *folders, name = arguments.path.split("/")
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(_opened(Path(settings.HITL_WORKSPACE), folders))
            temporary = stack.enter_context(_temporary(folder, data))
            if not _is_free_or_plain(folder, name):
                raise ActionFailed(f"{arguments.path} was not written: it is no plain file.")
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise ActionFailed(f"{arguments.path} was not written: {_reason(error)}.") from error
        try:
            os.fsync(folder)
        except OSError as error:
            raise OutcomeUnknown(f"{arguments.path} may be lost: {_reason(error)}.") from error
    return {
        "path": arguments.path,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


@contextlib.contextmanager
def _opened(root: Path, folders: list[str]) -> Iterator[int]:
    """The innermost folder, as a descriptor; what is missing is made.

    Each step is taken from the folder before it and follows no link, so that swapping a folder
    for a link in the meantime leads nowhere else. The workspace itself is the operator's word.
    """
    root.mkdir(parents=True, exist_ok=True)
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=here)
                os.fsync(here)
            inner = os.open(name, FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


@contextlib.contextmanager
def _temporary(folder: int, data: bytes) -> Iterator[str]:
    """The name of a new file in `folder` with `data` on disk; gone afterwards unless renamed."""
    name = f".hitl-{secrets.token_hex(8)}.part"
    with open(os.open(name, NEW, 0o644, dir_fd=folder), "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            yield name
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _is_free_or_plain(folder: int, name: str) -> bool:
    """Whether `name` is unused or a file, not a link to one. (A rename would follow none either.)"""
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True


def _reason(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a symbolic link or a file stands where the path needs a folder"
    return error.strerror or type(error).__name__
