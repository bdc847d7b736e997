"""The built-in actions. Importing files, mail and web registers them."""

from __future__ import annotations
