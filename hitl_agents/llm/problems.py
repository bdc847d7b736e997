"""Why there is no usable answer, in a sentence for people: with the server's own words, no secret."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

SHOWN = 300  # characters of a model's or server's words in a message for people
LOOKED_AT = 4_000  # characters of a server's words that are cleaned at all
SECRET = re.compile(r"\bsk-[\w*.-]{4,}|\bBearer \S+", re.IGNORECASE)
HIDDEN = re.compile(r"<(?:style|script)\b.{0,2000}?</(?:style|script)>", re.IGNORECASE | re.DOTALL)
MARKUP = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>")
UNAVAILABLE = (408, 409, 425, 429)
REFUSAL_CODES = ("content_filter", "content_policy_violation")
WORDS = ("message", "error", "detail", "msg", "error_description", "errors", "title", "reason")
CODES = {  # of errors that come without a status
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "server_error": 500,
    "internal_server_error": 500,
    "internal": 500,
    "api_error": 500,
    "unavailable": 503,
    "service_unavailable": 503,
    "timeout": 408,
    "deadline_exceeded": 504,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "unauthenticated": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "not_found": 404,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "context_length_exceeded": 400,
}


@dataclass(frozen=True)
class Problem:
    """Why there is no usable answer. `message` is a sentence for people, without secrets.

    `kind` is "unavailable" (ask again later), "rejected" (the server will never take this),
    "refused" (the model will not), "cut_off", or "malformed" (asking once more may help).
    `retry` says whether the same call may go through later by itself.
    """

    kind: str
    retry: bool
    message: str


def unavailable(message: str) -> Problem:
    return Problem("unavailable", True, message)


def rejected(message: str) -> Problem:
    return Problem("rejected", False, message)


def refused(message: str) -> Problem:
    return Problem("refused", False, message)


def malformed(message: str) -> Problem:
    return Problem("malformed", False, message)


CUT_OFF = Problem("cut_off", False, "The answer was cut off at the model's length limit.")
FILTERED = refused("The model server's content filter withheld the answer.")


def by_status(status: int, body: object, model: str) -> Problem:
    """What a server means that answered with that status, or sent an error under that code."""
    code, said = code_in(body), _says(body)
    if code in REFUSAL_CODES:
        return refused(f"The model server refused the request: {said}")
    if code == "insufficient_quota" or status == 402:
        quota = "The account at the model server has no quota left; check its billing."
        return rejected(_with(quota, said))
    if status >= 500 or status in UNAVAILABLE:
        what = "asks to slow down" if status == 429 else "has trouble"
        return unavailable(_with(f"The model server {server()} {what} (HTTP {status}).", said))
    checks = {
        401: "The model server does not accept the key; check OPENAI_API_KEY.",
        403: "The key may not use this model; check OPENAI_API_KEY and OPENAI_MODEL.",
        404: f"The model server does not know {model}; check OPENAI_MODEL and OPENAI_BASE_URL.",
    }
    if status in checks:
        return rejected(_with(checks[status], said))
    rejection = f"The model server rejected the request (HTTP {status})"
    return rejected(f"{rejection}: {said}" if said else f"{rejection}.")


def by_code(error: object, model: str) -> Problem:
    """What an error means that came in an answer with status 200: read by its code.

    Without a code that is known it counts as trouble of the server's, which may pass.
    """
    return by_status(status_in(error), error, model)


def status_in(error: object) -> int:
    """The HTTP status that an error stands for; 500 where nothing says so."""
    if not isinstance(error, dict):
        return 500
    for name in ("code", "status", "status_code", "type"):
        value = error.get(name)
        if isinstance(value, str):
            value = (
                int(value) if value.isdecimal() and len(value) == 3 else CODES.get(value.lower())
            )
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return 500


def code_in(body: object) -> str:
    """The word by which a server names its error; "" if it names none."""
    if not isinstance(body, dict):
        return ""
    if isinstance(body.get("error"), dict):
        return code_in(body["error"])
    code = body.get("code")
    return code if isinstance(code, str) else ""


def words_of(body: object, depth: int = 6) -> str:
    """What a server says about an error, in whatever form it says it."""
    if isinstance(body, str):
        return body
    if depth and isinstance(body, list):
        return "; ".join(filter(None, (words_of(one, depth - 1) for one in body[:5])))
    if depth and isinstance(body, dict):
        told = (words_of(body.get(name), depth - 1) for name in WORDS)
        return next((text for text in told if text), "")
    return ""


def server() -> str:
    """The server's host and port; never its whole URL, which may hold a password."""
    parts = urlsplit(settings.OPENAI_BASE_URL or "https://api.openai.com")
    return f"at {parts.netloc.rpartition('@')[2]}"


def clean(text: str) -> str:
    """A server's words on one line: without the key, which some repeat, and without markup."""
    if settings.OPENAI_API_KEY:  # before the cut, which might leave half of it
        text = text.replace(settings.OPENAI_API_KEY, "…")
    text = SECRET.sub("…", MARKUP.sub(" ", HIDDEN.sub(" ", text[:LOOKED_AT])))
    return shown("".join(char if char.isprintable() else " " for char in html.unescape(text)))


def shown(text: str) -> str:
    """Somebody else's words on one line, cut to a length that fits a message."""
    line = " ".join(text[:LOOKED_AT].split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _says(body: object) -> str:
    return clean(words_of(body))


def _with(sentence: str, said: str) -> str:
    return f"{sentence} It says: {said.rstrip('.')}." if said else sentence
