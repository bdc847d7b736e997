"""Risk levels, for how much harm an action can do: four words in one order."""

from __future__ import annotations

from django.db.models import TextChoices

from ledger.errors import BadInput, quoted


class RiskLevel(TextChoices):
    """The four risk levels, lowest first. The value is what is stored and what agents send."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """1 for low … 4 for critical: what sorts and compares."""
        return list(RiskLevel).index(self) + 1

    @classmethod
    def parse(cls, value: object, field: str = "risk_level") -> RiskLevel:
        """The level named by `value`, or BadInput naming what is accepted (None and "" included)."""
        if isinstance(value, str) and value in cls.values:
            return cls(value)
        accepted = ", ".join(cls.values)
        raise BadInput(field, f"{quoted(value)} is no risk level; accepted are {accepted}.")

    @classmethod
    def higher(cls, first: RiskLevel, second: RiskLevel) -> RiskLevel:
        return first if first.rank >= second.rank else second
