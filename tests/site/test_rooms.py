"""A folder holds one room: no more files than a reader takes in at a look."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import PurePath

from tests.support.installation import BASE_DIR

MOST = 16
FILES = ("*.py", "*.js", "*.css")  # py.typed is a mark, migrations are a history


def test_no_folder_holds_more_files_than_a_reader_takes_in() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--", *FILES], cwd=BASE_DIR, capture_output=True, text=True, check=True
    ).stdout
    paths = [PurePath(line) for line in listing.splitlines()]
    folders = Counter(str(path.parent) for path in paths if "migrations" not in path.parts)
    assert {name: count for name, count in folders.items() if count > MOST} == {}
