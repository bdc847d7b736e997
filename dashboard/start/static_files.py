"""Static files in one folder, each beside its compressed twin, which WhiteNoise serves instead."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from whitenoise.compress import Compressor


def collect_static_files(folder: Path) -> None:
    """Fill that folder anew with all static files, compressed where that makes them smaller."""
    shutil.rmtree(folder, ignore_errors=True)
    compressor = Compressor(use_brotli=False, quiet=True)
    for finder in get_finders():
        for name, storage in finder.list([]):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(storage.path(name), target)
            if compressor.should_compress(name):
                compressor.compress(str(target))
