"""May this be used? An agent has made something, a person looks at it; nobody has to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.package.exports import import_lazily

__all__ = ["ReviewItem", "ReviewQueue"]

if TYPE_CHECKING:
    from reviews.models import ReviewItem
    from reviews.queue import ReviewQueue
else:
    __getattr__ = import_lazily(__name__, {"ReviewItem": "models", "ReviewQueue": "queue"})
