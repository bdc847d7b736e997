"""The pages of approvals."""

from __future__ import annotations
