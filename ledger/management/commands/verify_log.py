"""`manage.py verify_log`: whether anything in the log was changed after it was written."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.log.verify import Head, verify

QUIET = 2.0  # seconds between two lines of progress


class Command(BaseCommand):
    help = (
        "Compute the log's chain of hashes again. Exit 0 and the log's head (the id and hash of"
        " its last event), or exit 1 and a sentence that names the first broken event. A chain"
        " alone cannot show that its end was cut off: keep the head where the database's owner"
        " cannot write, and name it the next time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect-head",
            metavar='"ID HASH"',
            help="a head of earlier, which must still be in the log",
        )
        parser.add_argument(
            "--head-file",
            type=Path,
            metavar="FILE",
            help="expect the head in this file, if it exists; put the new one there if all is well",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path | None = options["head_file"]
        text = options["expect_head"]
        if text is None and file is not None and file.exists():
            text = file.read_text()
        report = verify(expect=None if text is None else _parse(text), progress=_Progress())
        if report.broken is not None:
            self.stderr.write(f"The log holds up to {report.head}")
            raise CommandError(report.broken)
        if file is not None:
            _replace(file, f"{report.head}\n")
        sys.stderr.write(f"The log holds: {report.head.id:,} events.\n")
        self.stdout.write(str(report.head))


def _parse(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise CommandError(f"A head is “ID HASH”, not {text.strip()!r}.", returncode=2) from error


def _replace(file: Path, text: str) -> None:
    """Put `text` in the file's place at once: a crash leaves the head of before."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(file)


class _Progress:
    """Says on stderr how far it is, for logs that take longer than a moment."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, done: int, last: int) -> None:
        if time.monotonic() - self._said >= QUIET:
            self._said = time.monotonic()
            share = f" ({done * 100 // last} %)" if last else ""
            sys.stderr.write(f"{done:,} of {last:,} events{share}\n")
