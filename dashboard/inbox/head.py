"""The inbox's head as the socket tells it: as for those who may see everything, as nearly all may."""

from __future__ import annotations

from collections.abc import Mapping

from django.template.loader import render_to_string

from dashboard.inbox.lanes import LANES, Waiting, figures_of
from ledger.models import Run
from ledger.statements.prepared import Number


def inbox_head() -> Mapping[str, str]:
    """The element that says how many wait, by its id."""
    context = {"waiting": Waiting.of(figures_of(LANES), _in_doubt())}
    return {"waiting": render_to_string("dashboard/_waiting.html", context)}


_in_doubt = Number(lambda: Run.objects.filter(status=Run.Status.IN_DOUBT).values_list("pk"))
