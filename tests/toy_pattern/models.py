"""What an agent wishes for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger.requests.models import HumanRequest, RequestQuerySet
from ledger.risk import RiskLevel


class Wish(HumanRequest):
    """Open until a person grants it or its run is over."""

    MOVES: ClassVar[dict[str, set[str]]] = {"pending": {"granted", "cancelled"}}

    wanted = models.CharField(max_length=200)
    risk_level = models.CharField(max_length=16, choices=RiskLevel)
    risk_rank = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, default="pending")

    objects = RequestQuerySet.as_manager()

    def __str__(self) -> str:
        return self.wanted
