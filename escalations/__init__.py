"""“I am not sure.” What agents ask people, what they answer, and what is learnt from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.package.exports import import_lazily

__all__ = ["Escalation", "EscalationManager"]

if TYPE_CHECKING:
    from escalations.manager import EscalationManager
    from escalations.models import Escalation
else:
    __getattr__ = import_lazily(__name__, {"Escalation": "models", "EscalationManager": "manager"})
