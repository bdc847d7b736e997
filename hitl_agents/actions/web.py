"""http_request: one request to a host that an administrator has listed, and to no other."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import threading
from typing import Any, Literal

from django.db import DatabaseError
from pydantic import Field, field_validator, model_validator

from approvals.actions import ActionContext, ActionFailed, Arguments, OutcomeUnknown, action
from hitl_agents.actions import egress
from hitl_agents.actions.hosts import HostRefused, addresses
from hitl_agents.models import AllowedHost

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
# Set by the connection itself; a second one could make one request read as two.
OWN_HEADER = re.compile(
    "accept-encoding|connection|content-length|expect|host|idempotency-key|keep-alive|te|trailer|"
    "transfer-encoding|upgrade|proxy-.*",
    re.IGNORECASE,
)
READS = ("GET", "HEAD")


class HttpRequest(Arguments):
    """What http_request takes."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    url: str = Field(max_length=4000, description="The full URL; its host must be on the list.")
    headers: dict[str, str] = Field(default={}, description="Request headers by name.")
    body: str = Field(default="", description="The request's body as text; empty for GET and HEAD.")

    @field_validator("url")
    @classmethod
    def _readable(cls, url: str) -> str:
        egress.target(url)
        return url

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not TOKEN.fullmatch(name) or not re.fullmatch(r"[\t\x20-\x7e]{0,4000}", value):
                raise ValueError("a header's name or value has characters that are not allowed.")
            if value != value.strip():
                raise ValueError(
                    "a header's value begins or ends with a blank, which servers drop."
                )
            if OWN_HEADER.fullmatch(name):
                raise ValueError(f"the header {name} is set by the connection itself.")
        if len({name.lower() for name in headers}) != len(headers):
            raise ValueError("a header stands twice.")
        return headers

    @model_validator(mode="after")
    def _no_body_to_read(self) -> HttpRequest:
        if self.body and self.method in READS:
            raise ValueError(f"a {self.method} request has no body.")
        return self


def _preview(arguments: HttpRequest) -> str:
    size = f", {len(arguments.body.encode()):,} bytes" if arguments.body else ""
    return f"{arguments.method} {arguments.url}{size}"


@action(
    floor="high",
    undoable=False,
    preview=_preview,
    does="Approve sends the request at once.",
)
def http_request(arguments: HttpRequest, context: ActionContext) -> dict[str, Any]:
    """Send one HTTP request to a host that an administrator listed; redirects are not followed."""
    place = egress.target(arguments.url)
    connection = _connected(place)
    with contextlib.closing(connection), egress.time_limit(connection) as late:
        try:
            connection.request(
                arguments.method,
                place.path,
                body=arguments.body.encode() or None,
                headers=_headers(arguments, context),
            )
            response = connection.getresponse()
        except egress.BROKEN as error:
            why = egress.reason(error, late)
            if arguments.method in READS:
                raise ActionFailed(f"No answer from {place.host}: {why}.") from error
            raise OutcomeUnknown(f"Sent to {place.host}, but no answer came: {why}.") from error
        return _answer(response, late, arguments.method)


def _connected(place: egress.Target) -> egress.Connection:
    """A connection that is open: what fails up to here has sent nothing."""
    try:
        row = AllowedHost.objects.filter(host=place.host).first()
        if row is None:
            raise HostRefused(f"{place.host} is not on the administrators' list of allowed hosts.")
        checked = addresses(place.host, place.port, allow_private=row.allow_private)
        connection = egress.Connection(place, checked)
        connection.connect()
    except HostRefused as error:
        raise ActionFailed(f"Nothing was sent: {error}") from error
    except DatabaseError as error:
        raise ActionFailed("Nothing was sent: the list of allowed hosts cannot be read.") from error
    except OSError as error:
        why = egress.reason(error)
        raise ActionFailed(f"Nothing was sent: no connection to {place.host}: {why}.") from error
    return connection


def _headers(arguments: HttpRequest, context: ActionContext) -> dict[str, str]:
    headers = dict(arguments.headers)
    if "user-agent" not in {name.lower() for name in headers}:
        headers["User-Agent"] = "hitl"
    if arguments.method not in READS:
        key = context.idempotency_key
        if not re.fullmatch(r"[!-~]{1,200}", key):
            key = hashlib.sha256(key.encode()).hexdigest()
        headers["Idempotency-Key"] = key
    return headers


def _answer(
    response: http.client.HTTPResponse, late: threading.Event, method: str
) -> dict[str, Any]:
    """What came back. `bytes` of the body are kept; `left_out` more are not: they are beyond the
    limit or no text (None: there are more, and nobody knows how many)."""
    left_out: int | None
    try:
        data, left_out = egress.read(response, late)
    except egress.BROKEN as error:
        if method in READS:
            raise ActionFailed(f"The answer broke off: {egress.reason(error, late)}.") from error
        data, left_out = b"", None  # its status says what became of the request
    body = egress.text(data, response.getheader("Content-Type", ""))
    if body is None and left_out is not None:
        left_out += len(data)
    return {
        "status": response.status,
        "headers": egress.headers(response),
        "body": body or "",
        "bytes": len(data) if body else 0,
        "left_out": left_out,
    }
