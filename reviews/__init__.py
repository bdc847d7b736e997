"""May this be used? An agent has made something, a person looks at it; nobody has to wait."""

from __future__ import annotations
