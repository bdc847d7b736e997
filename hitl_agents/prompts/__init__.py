"""What agents say to models: the messages of each chat completion."""

from __future__ import annotations
