"""The pages of runs: all of them, one with its journal, a new one; cancel, and doubt."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.runs import answers, listing
from dashboard.runs.answers import CANCELLED, ENDED, SETTLED, Said, TypedNote
from dashboard.runs.forms import TaskForm
from ledger import catalogue, runs
from ledger.errors import BadInput, LedgerError, Stale, UnknownId
from ledger.models import EntryKind, Event, JournalEntry, Run
from ledger.statements import paging
from pages.access import HtmxHttpRequest, needs, wants_part
from pages.inbox import evidence

OTHERS = 5  # runs of the same agent on a run's page
MAX_REASON = 1000  # characters
viewers = needs("ledger.view_run", "Runs are shown to reviewers, auditors and operators.")
givers = needs("ledger.add_run", "Giving agents work is for operators.")


@require_safe
@viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All runs, newest first; the address holds the filter and the cursor."""
    newest = Event.objects.newest()
    wanted = listing.Filter.read(request.GET)
    before = paging.cursor(request.GET.get("before"))
    rows = wanted.apply(Run.objects.select_related("requester"))
    unindexed = wanted.text or (wanted.agent and wanted.status)  # no index has both
    context = {
        "page": paging.newest_first(rows, before, reach=paging.REACH if unindexed else None),
        "filter": wanted,
        "first_page": before is None,
        "address": reverse("runs:index"),
        "cursor": newest,
    }
    if wants_part(request):
        part = "_run_more_rows" if "more" in request.GET else "_run_list"
        return render(request, f"dashboard/{part}.html", context)
    context |= {"statuses": listing.STATUSES, "agents": listing.agents()}
    return render(request, "dashboard/runs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@givers
def new(request: HtmxHttpRequest) -> HttpResponse:
    """Give an agent work: 303 to the new run's page, or 422 with the errors beside the fields."""
    posted = request.method == "POST"
    form = TaskForm(request.POST) if posted else TaskForm.empty()
    run = form.submit(request.user) if posted else None
    if run is not None:
        messages.success(request, "Started. What the agent asks comes to the inbox.")
        return _redirect_to(run.pk)
    context = {"form": form, "choices": catalogue.specs(), "cursor": Event.objects.newest()}
    status = BadInput.http_status if posted else HTTPStatus.OK
    return render(request, "dashboard/run_new.html", context, status=status)


@require_safe
@viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One run; with `?all=1` every step of a long one."""
    newest = Event.objects.newest()
    return _show_page(request, find(pk), cursor=newest, whole="all" in request.GET)


@require_POST
@viewers
def cancel(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Cancel a run: 303 to it (htmx: 200 with it); 403 or 409 with the page and why not."""
    reason = request.POST.get("reason", "").strip()[:MAX_REASON].replace("\0", "")
    try:
        run = runs.cancel(pk, by=request.user, reason=reason)
    except LedgerError as error:
        return _show_refusal(request, pk, error, "cancel")
    return _show_success(request, run.pk, CANCELLED)


@require_POST
@viewers
def doubt(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Say what happened to a run in doubt: 303 to it (htmx: 200 with it).

    403, 409, 412 or 422 with the page as it is now, nothing changed, the reason first, and what
    was typed.
    """
    run, verdict = find(pk), request.POST.get("verdict", "")
    note = request.POST.get("feedback", "").replace("\r\n", "\n")
    try:
        shown = request.POST.get("about", "")
        if shown and run.status == Run.Status.IN_DOUBT and shown != evidence.about(run):
            raise Stale("Something else is in doubt by now; nothing was changed.", run)
        settled = runs.resolve_doubt(pk, verdict, by=request.user, note=note)
    except LedgerError as error:
        return _show_refusal(request, pk, error, "answer", note)
    said = ENDED if settled.library else SETTLED[verdict]
    return _show_success(request, pk, said)


def _show_refusal(
    request: HtmxHttpRequest, pk: int, error: LedgerError, noun: str, note: str = ""
) -> HttpResponse:
    """The run as it is now, and why the act did not count."""
    if isinstance(error, UnknownId):
        raise Http404(str(error))
    if isinstance(error, BadInput) and error.field == "feedback":
        typed = TypedNote(note, error.message)
        return _show_page(request, find(pk), status=error.http_status, typed=typed)
    typed = TypedNote(note)
    banner = answers.banner(error, noun, note)
    return _show_page(request, find(pk), status=error.http_status, banner=banner, typed=typed)


def _show_success(request: HtmxHttpRequest, pk: int, said: Said) -> HttpResponse:
    if wants_part(request):
        return _show_page(request, find(pk), toast=said)
    messages.success(request, f"{said.title} {said.text}")
    return _redirect_to(pk)


def _redirect_to(pk: int) -> HttpResponseRedirect:
    response = redirect("runs:detail", pk)
    response.status_code = HTTPStatus.SEE_OTHER
    return response


def _show_page(
    request: HtmxHttpRequest, run: Run, *, status: int = HTTPStatus.OK, **extra: Any
) -> HttpResponse:
    """The page of a run, or for htmx what stands on it."""
    context = {
        "run": run,
        "others": _find_others(run),
        "about": evidence.about(run),
        "may_cancel": request.user.has_perm("ledger.cancel_run"),
        "may_resolve": request.user.has_perm("ledger.resolve_run"),
        "typed": TypedNote(),
        "whole": False,
        **extra,
    }
    template = "_run_answer" if wants_part(request) else "run"
    response = render(request, f"dashboard/{template}.html", context, status=status)
    if request.method == "POST" and wants_part(request):
        response["HX-Replace-Url"] = reverse("runs:detail", args=[run.pk])
    return response


def _find_others(run: Run) -> list[Run]:
    """The newest other runs of the same agent, each with how many `actions` it has begun."""
    acted = JournalEntry.objects.filter(run=OuterRef("pk"), kind=EntryKind.ACTION).order_by()
    counted = acted.values("run").annotate(n=Count("pk")).values("n")
    rows = Run.objects.filter(agent_id=run.agent_id).exclude(pk=run.pk)
    rows = rows.annotate(actions=Coalesce(Subquery(counted), 0))
    return paging.newest_first(rows, None, size=OTHERS).rows


def find(pk: int) -> Run:
    """The run with those around it, or 404."""
    try:
        return Run.objects.select_related("requester", "owner").get(pk=pk)
    except Run.DoesNotExist:
        raise Http404(str(UnknownId("run", pk))) from None
