"""The front-end files that came from elsewhere are the ones that were recorded."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
ENTRIES = json.loads((VENDOR / "vendor.json").read_text())
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_a_vendored_file_has_the_recorded_hash_and_its_version_in_the_path(
    entry: dict[str, str],
) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["file"].startswith(f"{entry['package'].split('/')[-1]}-{entry['version']}/")
    assert entry["licence"]


def test_every_vendored_file_is_recorded() -> None:
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert found == {entry["file"] for entry in ENTRIES} | {"vendor.json"}


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = (ROOT / "static" / "look" / "icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used = set()
    for path in TEMPLATES:
        used |= set(re.findall(r'{% icon "([^"]+)"', path.read_text()))
        used |= set(re.findall(r'icon="([^"]+)"', path.read_text()))
        used |= set(re.findall(r'icons\.svg\' %}#([\w-]+)"', path.read_text()))
    assert used <= known


def test_templates_hold_nothing_that_the_content_policy_refuses() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son\w+=|hx-on"
    )
    guilty = [str(path) for path in TEMPLATES if inline.search(path.read_text())]
    assert guilty == []
