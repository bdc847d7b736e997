"""How the demo model takes a person's feedback into account. Rules, no understanding."""

from __future__ import annotations

import re
from typing import Any

from hitl_agents.demo.tasks import EMAIL, FILE, METHODS, URL, quotes, sentence

Details = dict[str, Any]

LONG = ("body", "content", "text", "message")  # where wording is worked in, if there is one of them
SHORTER = re.compile(r"\b(shorter|shorten|brief(er)?|too long|concise|crisper)\b", re.I)
LEAVE_OUT = re.compile(
    r"\b(?:remove|delete|without|leave out|do not mention|don't mention|not mention|drop)\s+"
    r"(?:the\s+|any\s+)?(.+)",
    re.I,
)
REQUEST = re.compile(
    r"^(?:please\s+)?(?:also\s+)?(?:mention|say|add|include|write|state|tell (?:her|him|them)|note)\b"
    r"(?:\s+that)?[:,]?\s+",
    re.I,
)
CLOSING = re.compile(r"\n\n(?=(?:Kind|Best|Warm) regards|Yours|Sincerely)")


def revised(details: Details, feedback: str) -> Details:
    """The arguments with the feedback worked in; always different where anything can be."""
    new = dict(details)
    changed = [change(new, feedback) for change in (_places, _subject)]
    if not any(changed):
        _wording(new, feedback)
    return new


def _places(details: Details, feedback: str) -> bool:
    """Another address, URL, method or path that the feedback names."""
    method = METHODS.search(feedback)
    named = {
        "to": EMAIL.search(URL.sub("", feedback)),
        "url": URL.search(feedback),
        "path": FILE.search(URL.sub("", EMAIL.sub("", feedback))),
        "method": method if method and method[0].isupper() else None,
    }
    changed = False
    for name, match in named.items():
        if match and isinstance(details.get(name), str) and details[name] != match[0]:
            details[name] = match[0]
            changed = True
    return changed


def _subject(details: Details, feedback: str) -> bool:
    named = re.search(r"\bsubject\b(?:\s+line)?(?:\s*:|\s+to|\s+should be)?\s+(.+)", feedback, re.I)
    if not named or not isinstance(details.get("subject"), str):
        return False
    words = next(iter(quotes(feedback)), named[1].strip(" ."))
    changed = bool(details["subject"] != words)
    details["subject"] = words
    return changed


def _wording(details: Details, feedback: str) -> None:
    name = _long_text(details)
    if name is None:
        _number(details, feedback)
        return
    before = details[name]
    if SHORTER.search(feedback):
        details[name] = _shortened(before)
    elif unwanted := LEAVE_OUT.search(feedback):
        details[name] = _without(before, unwanted[1].strip(" .!"))
    if details[name] == before:
        details[name] = _with(before, _wanted(feedback))


def _long_text(details: Details) -> str | None:
    """The argument that holds prose: a known name, else the longest text."""
    for name in LONG:
        if isinstance(details.get(name), str) and details.get("method") not in ("GET", "HEAD"):
            return name
    texts = [name for name, value in details.items() if isinstance(value, str)]
    usable = [name for name in texts if name not in ("to", "url", "path", "method", *LONG)]
    return max(usable, key=lambda name: len(details[name]), default=None)


def _number(details: Details, feedback: str) -> None:
    """No prose to change: a number, or a note in the headers of a request."""
    asked = re.search(r"-?\d+", feedback)
    for name, value in details.items():
        if asked and isinstance(value, int) and not isinstance(value, bool):
            details[name] = int(asked[0])
            return
    if isinstance(details.get("headers"), dict):
        note = feedback.encode("ascii", "replace").decode()
        details["headers"] = {**details["headers"], "X-Note": " ".join(note.split())[:200]}


def _shortened(text: str) -> str:
    """Greeting and closing stay; of what lies between only the first sentence does."""
    opening, middle, closing = _parts(text)
    first = re.match(r".+?[.!?](?=\s|$)", middle, re.S)
    words = middle.split()
    short = first[0] if first else " ".join(words[: max(1, len(words) // 2)])
    return opening + short + (closing or "\n")


def _without(text: str, unwanted: str) -> str:
    opening, middle, closing = _parts(text)
    sentences = re.split(r"(?<=[.!?])\s+", middle)
    kept = [words for words in sentences if unwanted.lower() not in words.lower()]
    return opening + " ".join(kept) + closing if kept and len(kept) < len(sentences) else text


def _with(text: str, words: str) -> str:
    """The words at the end of what is said, in front of the closing."""
    opening, middle, closing = _parts(text)
    return f"{opening}{middle.rstrip()}{' ' if middle.strip() else ''}{words}{closing or chr(10)}"


def _wanted(feedback: str) -> str:
    """What the feedback wants said, as a sentence of its own."""
    given = quotes(feedback)
    if given:
        return " ".join(sentence(words) for words in given)
    if re.search(r"\b(sorry|apolog\w+)\b", feedback, re.I):
        return "We are sorry for the trouble."
    if re.search(r"\b(polite|politer|friendl\w+|warm\w*|nicer)\b", feedback, re.I):
        return "Thank you very much for your patience and your kindness."
    wanted = REQUEST.sub("", " ".join(feedback.split()))
    if re.match(r"(?:the|her|his|their|our|an?)\s+[\w-]+\s*[.!]?$", wanted, re.I):
        return (
            f"Please also note {re.sub(r'^(her|his|their)', 'your', wanted, flags=re.I)}".rstrip(
                ".!"
            )
            + "."
        )
    return sentence(wanted)


def _parts(text: str) -> tuple[str, str, str]:
    """Greeting, what is said, closing."""
    greeting = re.match(r"(?:Dear|Hello|Hi)\b[^\n]*\n\n", text)
    start = greeting.end() if greeting else 0
    end = next((found.start() for found in CLOSING.finditer(text, start)), len(text))
    return text[:start], text[start:end].rstrip("\n"), text[end:]
