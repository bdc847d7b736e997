"""What every kind of request has, whatever its pattern."""

from __future__ import annotations
