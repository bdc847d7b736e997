"""What `submit` and `cancel` print and how they exit, as shells and scripts see them."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import ManagementUtility

from approvals.models import ApprovalRequest
from ledger import leases, runs, tail
from ledger.models import Run
from tests.support import people
from tests.support.installation import Installation

pytestmark = pytest.mark.django_db(transaction=True)


class Said:
    """A command's exit code, and what it wrote."""

    def __init__(self, *arguments: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.code: Any = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                ManagementUtility(["manage.py", *arguments]).execute()
            except SystemExit as exit_:
                self.code = exit_.code
        tail.stop()
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        """The one JSON line on stdout."""
        assert self.out.count("\n") == 1, self.out
        found: dict[str, Any] = json.loads(self.out)
        return found


def ended(end: str, *arguments: str) -> Said:
    """submit --wait for a run that comes to that end while the command waits."""
    submit = runs.submit

    def submit_and_end(*args: Any, **kwargs: Any) -> Run:
        run = submit(*args, **kwargs)
        claimed = leases.claim_next("somebody", 15)
        assert claimed is not None
        {
            "completed": lambda: leases.complete(run.pk, 1, {"report": "Grüße"}),
            "failed": lambda: leases.fail(run.pk, 1, "The model is gone."),
            "in_doubt": lambda: leases.doubt(run.pk, 1, {"kind": "action"}),
            "cancelled": lambda: runs.cancel(run.pk, actor="system"),
        }[end]()
        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "submit", submit_and_end)
        return Said("submit", "gated", "do it", "--wait", "--timeout", "20", *arguments)


def test_without_wait_it_prints_the_queued_run_and_exits_0() -> None:
    said = Said("submit", "gated", "Write a note", "--input", '{"order": 1042}')
    assert said.code == 0
    run = Run.objects.get()
    assert said.line == {"run": run.pk, "status": "queued", "result": None}
    assert (run.task, run.input, run.requester) == ("Write a note", {"order": 1042}, None)


@pytest.mark.parametrize(
    ("end", "code"), [("completed", 0), ("failed", 1), ("cancelled", 1), ("in_doubt", 4)]
)
def test_with_wait_the_exit_code_says_how_it_ended(end: str, code: int) -> None:
    said = ended(end)
    assert said.code == code
    assert said.line["status"] == end
    assert said.line["result"] == ({"report": "Grüße"} if end == "completed" else None)


def test_the_result_is_printed_as_it_is_and_the_error_beside_it() -> None:
    assert "Grüße" in ended("completed").out
    assert ended("failed").line["error"] == "The model is gone."


def test_at_the_timeout_it_exits_3_and_the_run_goes_on() -> None:
    said = Said("submit", "gated", "do it", "--wait", "--timeout", "0.1")
    assert said.code == 3
    assert said.line["status"] == "queued"
    assert "still going" in said.err
    assert "No runner is alive" in said.err
    assert Run.objects.get().status == "queued"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "do it"), ("nobody", "known agents", "gated")),
        (("gated", "  "), ("task",)),
        (("gated", "do it", "--input", "{order: 1}"), ("--input", "not valid JSON")),
        (("gated", "do it", "--input", '{"a": 1, "a": 2}'), ("--input", "twice")),
        (("gated", "do it", "--input", "NaN"), ("--input", "NaN")),
        (("gated", "do it", "--as", "nobody"), ("--as", "nobody")),
        (("gated", "do it", "--wait", "--timeout", "-1"), ("--timeout",)),
        (("gated", "do it", "--wait", "--timeout", "nan"), ("--timeout",)),
        (("gated",), ("task",)),
    ],
)
def test_a_bad_call_exits_2_with_a_sentence_and_submits_nothing(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    said = Said("submit", *arguments)
    assert said.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err
    assert not Run.objects.exists()


def test_as_names_the_requester_who_then_may_not_approve() -> None:
    rita = people.rita()
    said = Said("submit", "gated", "do it", "--as", "rita")
    assert said.code == 0
    assert Run.objects.get().requester == rita


def test_an_inactive_user_cannot_be_named() -> None:
    User.objects.create(username="gone", is_active=False)
    assert Said("submit", "gated", "do it", "--as", "gone").code == 2


def test_cancel_ends_the_run_and_its_questions() -> None:
    run = people.a_run()
    request = people.asked(run)
    said = Said("cancel", str(run.pk))
    assert said.code == 0
    assert said.line == {"run": run.pk, "status": "cancelled"}
    assert ApprovalRequest.objects.get(pk=request.pk).status == "cancelled"


def test_cancel_of_a_run_that_is_over_exits_1_and_says_so() -> None:
    run = people.a_run()
    runs.cancel(run.pk, actor="system")
    said = Said("cancel", str(run.pk))
    assert (said.code, said.out) == (1, "")
    assert "already cancelled" in said.err


@pytest.mark.parametrize("unknown", ["4711", "x", "-1"])
def test_cancel_of_an_unknown_run_exits_2(unknown: str) -> None:
    said = Said("cancel", "--", unknown)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_in_a_process_of_its_own_stdout_has_the_one_line_only(prepared: Installation) -> None:
    prepared.from_scratch = True
    done = prepared.manage("submit", "gated", "do it")
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "queued"
    assert done.stdout.count("\n") == 1
    wrong = prepared.manage("submit", "nobody", "do it")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert "known agents: escalating, gated" in wrong.stderr
