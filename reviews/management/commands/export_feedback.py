"""Export of decisions as JSONL for fine-tuning: lines on stdout or in a file, words on stderr."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reviews import training
from reviews.training import Wanted

Write = Callable[[str], Any]

BAD_CALL = 2
EVERY = 1.0  # seconds between two words on how far it is
EXAMPLES = {"chat": training.chats, "pairs": training.pairs}


class Command(BaseCommand):
    help = (
        "Write what people decided as JSONL: `chat` is one conversation for each approved or "
        "corrected output, `pairs` is the usable text against each that was not let through."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=sorted(EXAMPLES), default="chat")
        parser.add_argument("--agent", default="", help="only of this agent")
        parser.add_argument("--type", default="", help="only of this type of output")
        parser.add_argument("--since", metavar="DATE", help="decided on this day (UTC) or later")
        parser.add_argument("--until", metavar="DATE", help="decided on this day (UTC) or before")
        parser.add_argument("--output", metavar="FILE", help="write to this file, not to stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Wanted(
            agent=options["agent"],
            output_type=options["type"],
            since=_day("--since", options["since"]),
            until=_day("--until", options["until"], after=True),
        )
        if wanted.since and wanted.until and wanted.since >= wanted.until:
            raise CommandError("--since is after --until.", returncode=BAD_CALL)
        with self._target(options["output"]) as write:
            self._write(wanted, options["format"], write)

    def _write(self, wanted: Wanted, form: str, write: Write) -> None:
        examples, rows = EXAMPLES[form], wanted.rows()
        total = rows.count()
        seen = lines = without = equal = 0
        said = time.monotonic()
        for item in rows.iterator(chunk_size=training.CHUNK):
            for example in examples(item):
                if training.teaches_nothing(example):
                    equal += 1
                    continue
                write(_line(example))
                lines += 1
            without += training.task_of(item) is None
            seen += 1
            if time.monotonic() - said >= EVERY:
                self.stderr.write(f"{seen:,} of {total:,} outputs, {lines:,} lines")
                said = time.monotonic()
        left_out = _describe_omissions(without, equal)
        self.stderr.write(f"{seen:,} of {total:,} outputs, {lines:,} lines. {left_out}")

    @contextmanager
    def _target(self, path: str | None) -> Iterator[Write]:
        if path is None:
            yield lambda line: self.stdout.write(line, ending="")
            return
        try:
            with Path(path).open("w", encoding="ascii", newline="\n") as file:
                yield file.write
        except OSError as error:
            raise CommandError(f"--output: {error}", returncode=BAD_CALL) from error


def _line(example: dict[str, Any]) -> str:
    """One line of pure ASCII: no character in it can be taken for the end of the line."""
    return json.dumps(example, ensure_ascii=True, allow_nan=False) + "\n"


def _describe_omissions(without: int, equal: int) -> str:
    """What was not written, and why."""
    said = [f"{without:,} left out: their context names no task."] if without else []
    said += [f"{equal:,} pairs left out: their texts are equal."] if equal else []
    return " ".join(said) or "Done."


def _day(option: str, text: str | None, *, after: bool = False) -> datetime | None:
    """The beginning of that day, or with `after` its end; None for no day."""
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option}: {text!r} is no day.", returncode=BAD_CALL) from error
    begins = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return begins + timedelta(days=1) if after else begins
