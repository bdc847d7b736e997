"""The project as a package: its public names, its version, and databases of another version."""

from __future__ import annotations
