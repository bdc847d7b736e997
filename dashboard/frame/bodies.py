"""Refuses what is too large to be sent here: at its declared length, and while it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from pages.bodies import LITTLE, most_for

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# The page says it outside every middleware, so that it carries what those would add.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@lru_cache(maxsize=8)
def too_large(most: int, fragment: bool = False) -> HttpResponse:
    """413: a page; for htmx a toast beside the page, so that what was typed there stays."""
    limit = f"{most / 1024**2:g} MB"
    template = "dashboard/_too_large.html" if fragment else "413.html"
    headers = {**HEADERS, "HX-Reswap": "none"} if fragment else HEADERS
    return HttpResponse(render_to_string(template, {"limit": limit}), status=413, headers=headers)


class BodyLimitMiddleware(MiddlewareMixin):
    """The declared length, by who is signed in: after the sign-in, before anything reads the body."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """413 for a body that is too large for this person and address."""
        text = request.META.get("CONTENT_LENGTH") or "0"
        length = int(text) if text.isdigit() and len(text) < 19 else 2**63
        if length <= LITTLE:  # nobody is looked up for this
            return None
        most = most_for(request.path_info, known=request.user.is_authenticated)
        fragment = request.headers.get("HX-Request") == "true"
        return too_large(most, fragment) if length > most else None


UTF_8 = ("utf-8", "utf8")
UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError)


class FormMiddleware(MiddlewareMixin):
    """Answers 400 for a form that cannot be read, with a page that does not read it again.

    Read first of all: where Django finds it out, its own page of the error would fail as well.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """None for what is no form, and for one that can be read."""
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in UTF_8:  # codecs read a form otherwise than its writer meant it
            return _not_understood()
        try:
            request.POST  # noqa: B018  # reads it
        except UNREADABLE:
            return _not_understood()
        return None


def _not_understood() -> HttpResponse:
    return HttpResponse(render_to_string("400.html"), status=400)


class TooLarge(Exception):
    """More came than was allowed."""


class BoundedBodies:
    """An ASGI application with a limit on what it is sent; whatever the length that was declared.

    Who brings a session's cookie counts as known here; whether it is one is asked afterwards.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        most = allowed(scope["path"], headers)
        refusal = too_large(most, headers.get(b"hx-request") == b"true")
        if is_beyond(headers, most):
            await answer(refusal, send)
            return
        try:
            await self.app(scope, _counted(receive, most), send)
        except TooLarge:  # raised where the body is read, before anything was answered
            await answer(refusal, send)


def allowed(path: str, headers: dict[bytes, bytes]) -> int:
    """The most bytes for that path with these headers."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and len(length) < 19 and int(length) <= LITTLE:
        return LITTLE  # no need to know more
    return most_for(path, known=_has_session(headers.get(b"cookie", b"")))


def is_beyond(headers: dict[bytes, bytes], most: int) -> bool:
    """Whether the declared length is too much; one that is no number is."""
    length = headers.get(b"content-length", b"0")
    return not length.isdigit() or len(length) > 18 or int(length) > most


def _has_session(cookies: bytes) -> bool:
    try:
        return settings.SESSION_COOKIE_NAME in SimpleCookie(cookies.decode("latin-1"))
    except CookieError:
        return False


def _counted(receive: Receive, most: int) -> Receive:
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > most:
            raise TooLarge
        return message

    return counted


async def answer(response: HttpResponse, send: Send) -> None:
    """Send a whole response."""
    headers = [(name.encode(), value.encode()) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
