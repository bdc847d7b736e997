"""The demo model, which answers without a key: rules instead of thought."""

from __future__ import annotations
