"""Fetches the front-end files listed in static/vendor/vendor.json: `make vendor` (needs npm)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"


def packed(package: str, version: str, folder: Path) -> Path:
    """Download one release as npm publishes it; the path of the archive."""
    name = subprocess.run(
        ["npm", "pack", "--silent", f"{package}@{version}"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return folder / name.splitlines()[-1]


def content(archive: Path, source: str) -> bytes:
    """The bytes of one file of the package."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"package/{source}")
        if member is None:
            raise SystemExit(f"{source} is not a file in {archive.name}")
        return member.read()


def main() -> None:
    """Replace every listed file; refuse one whose hash is not the recorded one."""
    for entry in json.loads((VENDOR / "vendor.json").read_text()):
        with tempfile.TemporaryDirectory() as folder:
            archive = packed(entry["package"], entry["version"], Path(folder))
            data = content(archive, entry["source"])
        found = hashlib.sha256(data).hexdigest()
        if found != entry["sha256"]:
            raise SystemExit(f"{entry['file']}: sha256 is {found}, vendor.json says otherwise")
        target = VENDOR / entry["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sys.stdout.write(f"{entry['file']}\n")


if __name__ == "__main__":
    main()
