"""The hosts that agents may send requests to: rows that an administrator edits."""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from hitl_agents.actions.hosts import host_name


def check_host(text: str) -> None:
    """ValidationError unless `text` is the name or the address of one host."""
    try:
        host_name(text)
    except ValueError as error:
        raise ValidationError(
            "A host alone, such as api.example.org: no http://, no port, no path, no wildcard."
        ) from error


class AllowedHost(models.Model):
    """A host that http_request may reach, on any port. Without a row nothing is sent."""

    host = models.CharField(
        max_length=253,
        unique=True,
        validators=[check_host],
        help_text="Such as api.example.org. Exactly this host; others below it need their own row.",
    )
    allow_private = models.BooleanField(
        "may be internal",
        default=False,
        help_text="Also when the name leads to this machine or into a private network.",
    )
    note = models.CharField(max_length=200, blank=True, help_text="Why agents need it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the host in its one form, the form that a request's URL is looked up by."""
        self.host = host_name(self.host)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """As `save`, before the form looks whether the host is listed already."""
        with contextlib.suppress(ValueError):  # its validator has said so
            self.host = host_name(self.host)
