"""The form of a plan's page, as it was sent: one press of a button, and everything that was typed.

The page is one form. Whatever is pressed, all that is typed comes along, and whatever does not
count is given back: open steps, comments, answers, feedback. What counts is for the services.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from ledger.errors import BadInput
from ledger.statements import paging
from plans import services
from plans.lookup import steps_of
from plans.models import Plan
from plans.versions.steps import AddStep, Change, DeleteStep, MoveStep, SetStep, Step

NEW = "new"
MOST_OPEN = 60  # editors in one form


@dataclass(frozen=True)
class Editor:
    """A step that is being edited: what stands in its fields."""

    step: Step

    @property
    def id(self) -> str:
        return self.step.id

    @property
    def is_new(self) -> bool:
        return self.id.startswith(NEW)

    @classmethod
    def read(cls, name: str, sent: QueryDict) -> Editor:
        return cls(
            Step(
                id=name,
                title=_text(sent, f"{name}-title"),
                does=_text(sent, f"{name}-does"),
                actions=tuple(sent.getlist(f"{name}-actions")),
                risk=sent.get(f"{name}-risk", "low"),
                person=f"{name}-person" in sent,
                asks=_text(sent, f"{name}-asks"),
            )
        )

    @property
    def change(self) -> Change:
        """What saving it does."""
        return AddStep(self.step) if self.is_new else SetStep(self.step)


@dataclass
class TurnForm:
    """One press (`do` and what it is `about`), the version that was shown, and all that is typed."""

    do: str = ""
    about: str = ""
    version: int = 0
    turn: str = ""
    feedback: str = ""
    input: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    editors: dict[str, Editor] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    focus: str = ""  # the element that the next page puts the focus on

    @classmethod
    def read(cls, sent: QueryDict) -> TurnForm:
        """Browsers send line ends as CRLF; what is stored has LF."""
        do, _, about = sent.get("do", "keep").partition(":")
        version = paging.cursor(sent.get("version"))
        return cls(
            do=do,
            about=about,
            version=-1 if version is None else version,
            turn=sent.get("turn", ""),
            feedback=_text(sent, "feedback"),
            input=_text(sent, "input"),
            answers={
                name.removeprefix("answer-"): _text(sent, name)
                for name in sent
                if name.startswith("answer-")
            },
            editors={name: Editor.read(name, sent) for name in sent.getlist("open")[:MOST_OPEN]},
            comments={name: _text(sent, f"talk-{name}") for name in sent.getlist("talk")},
        )

    @property
    def typed(self) -> bool:
        """Whether there is something that the next page has to give back."""
        words = [self.feedback, self.input, *self.answers.values()]
        return any(map(str.strip, words)) or bool(self.editors or self.comments)

    @property
    def noun(self) -> str:
        """What was meant, for sentences: "Your acceptance did not count."."""
        nouns = {"accept": "acceptance", "feedback": "feedback", "stop": "stop", "input": "input"}
        return nouns.get(self.do, "retry" if self.do == "retry" else "change")

    @property
    def changes(self) -> list[Change]:
        """What the open editors hold."""
        return [editor.change for editor in self.editors.values()]

    def collect(self) -> dict[str, Any]:
        """All that is typed, as the services take it."""
        return {
            "feedback": self.feedback,
            "answers": self.answers,
            "comments": self.comments,
            "changes": self.changes,
            "version": self.version,
        }

    def clear(self) -> None:
        """It was sent: nothing is left to be given back."""
        self.feedback = ""
        for kept in (self.answers, self.comments, self.editors):
            kept.clear()

    def act(self, plan: Plan, by: Any) -> str:
        """Do what was pressed; a word for what was done, "" when nothing was to be stored.

        Raises what the services raise: then nothing has changed, and all that was typed is here.
        """
        verb = VERBS.get(self.do)
        if verb is None:
            raise BadInput("do", "There is no such button.")
        return verb(self, plan, by)


def _text(sent: QueryDict, name: str) -> str:
    return sent.get(name, "").replace("\r\n", "\n")


# ---- Buttons that store nothing


def _keep(form: TurnForm, plan: Plan, by: Any) -> str:
    """Enter in a field: what is open is saved."""
    return _save_all(form, plan, by) if form.editors else ""


def _show(form: TurnForm, plan: Plan, by: Any) -> str:
    return ""


def _open(form: TurnForm, plan: Plan, by: Any) -> str:
    step = next((one for one in steps_of(plan) if one.id == form.about), None)
    if step is not None:
        form.editors.setdefault(step.id, Editor(step))
        form.focus = f"{step.id}-title"
    return ""


def _add(form: TurnForm, plan: Plan, by: Any) -> str:
    number = next(n for n in range(1, MOST_OPEN + 2) if f"{NEW}{n}" not in form.editors)
    name = f"{NEW}{number}"
    form.editors[name] = Editor(Step(name, ""))
    form.focus = f"{name}-title"
    return ""


def _discard(form: TurnForm, plan: Plan, by: Any) -> str:
    form.editors.pop(form.about, None)
    form.focus = "add" if form.about.startswith(NEW) else f"edit-{form.about}"
    return ""


def _talk(form: TurnForm, plan: Plan, by: Any) -> str:
    form.comments.setdefault(form.about, "")
    form.focus = f"talk-{form.about}"
    return ""


def _hush(form: TurnForm, plan: Plan, by: Any) -> str:
    form.comments.pop(form.about, None)
    form.focus = f"comment-{form.about}"
    return ""


# ---- Buttons that store something


def _save(form: TurnForm, plan: Plan, by: Any) -> str:
    editor = form.editors.get(form.about)
    if editor is None:
        return ""
    services.edit(plan.pk, [editor.change], by=by, version=form.version)
    del form.editors[form.about]
    form.focus = "add" if editor.is_new else f"edit-{form.about}"
    return "saved"


def _save_all(form: TurnForm, plan: Plan, by: Any) -> str:
    services.edit(plan.pk, form.changes, by=by, version=form.version)
    form.editors.clear()
    form.focus = "add"
    return "saved"


def _delete(form: TurnForm, plan: Plan, by: Any) -> str:
    services.edit(plan.pk, [DeleteStep(form.about)], by=by, version=form.version)
    form.editors.pop(form.about, None)
    form.comments.pop(form.about, None)
    form.focus = "add"
    return "deleted"


def _up(form: TurnForm, plan: Plan, by: Any) -> str:
    services.edit(plan.pk, [MoveStep(form.about, -1)], by=by, version=form.version)
    form.focus = f"up-{form.about}"
    return "moved"


def _down(form: TurnForm, plan: Plan, by: Any) -> str:
    services.edit(plan.pk, [MoveStep(form.about, 1)], by=by, version=form.version)
    form.focus = f"down-{form.about}"
    return "moved"


def _say(form: TurnForm, plan: Plan, by: Any) -> str:
    services.comment(plan.pk, form.about, form.comments.get(form.about, ""), by=by)
    del form.comments[form.about]
    form.focus = f"comment-{form.about}"
    return "said"


def _feedback(form: TurnForm, plan: Plan, by: Any) -> str:
    services.send_feedback(plan.pk, by=by, **form.collect())
    form.clear()
    return "feedback"


def _accept(form: TurnForm, plan: Plan, by: Any) -> str:
    services.accept(plan.pk, by=by, **form.collect())
    form.clear()
    return "accepted"


def _stop(form: TurnForm, plan: Plan, by: Any) -> str:
    services.stop(plan.pk, by=by, reason=form.feedback)
    form.feedback = ""
    return "stopped"


def _input(form: TurnForm, plan: Plan, by: Any) -> str:
    services.give_input(form.turn, form.input, by=by)
    form.input = ""
    return "input"


def _retry(form: TurnForm, plan: Plan, by: Any) -> str:
    services.retry(form.turn, by=by, text=form.input)
    form.input = ""
    return "retry"


VERBS: dict[str, Callable[[TurnForm, Plan, Any], str]] = {
    "keep": _keep,
    "show": _show,
    "edit": _open,
    "add": _add,
    "discard": _discard,
    "comment": _talk,
    "hush": _hush,
    "save": _save,
    "delete": _delete,
    "up": _up,
    "down": _down,
    "say": _say,
    "feedback": _feedback,
    "accept": _accept,
    "stop": _stop,
    "input": _input,
    "retry": _retry,
}
