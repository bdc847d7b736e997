"""The forms of the run pages: they parse; the services check and save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from ledger import canonical, catalogue, runs
from ledger.errors import BadInput
from ledger.models import Run


class TaskForm(forms.Form):
    """Work for an agent. What the service refuses stands beside the field it is about."""

    agent = forms.CharField(error_messages={"required": "Choose an agent."})
    task = forms.CharField(
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="In plain words: what should be done, for whom, with which names and numbers.",
    )
    input = forms.CharField(
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="JSON, or empty. The built-in agents take none.",
    )

    @classmethod
    def empty(cls) -> TaskForm:
        """A form for a first look, with the only or the first agent chosen."""
        return cls(initial={"agent": next(iter(catalogue.names()), "")})

    def clean_task(self) -> str:
        # A browser sends CRLF; what was typed has plain line ends.
        return str(self.cleaned_data["task"]).replace("\r\n", "\n")

    def clean_input(self) -> Any:
        text = self.cleaned_data["input"]
        if not text.strip():
            return None
        try:
            return canonical.parse(text, "input")
        except BadInput as error:
            raise forms.ValidationError(_sentence(error)) from error

    def submit(self, requester: User) -> Run | None:
        """The new run; None with the errors on the form."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        try:
            return runs.submit(
                data["agent"], data["task"], input=data["input"], requester=requester
            )
        except BadInput as error:
            self.add_error(error.field if error.field in self.fields else None, _sentence(error))
            return None


def _sentence(error: BadInput) -> str:
    return error.message[:1].upper() + error.message[1:]
