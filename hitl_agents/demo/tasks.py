"""How the demo model reads a task: which tools, with which texts. Rules, no understanding."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

from hitl_agents.llm.objects import json_object_in

Call = tuple[str, dict[str, Any]]
MOST_CALLS = 20  # of one tool, for one task

URL = re.compile(r"https?://[^\s\"'<>“”)\]]*[^\s\"'<>“”)\].,;:!?]")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+")
ENDING = r"(?:txt|md|csv|json|ya?ml|html?|log|xml|rst|tex|py|sh|sql|ini|toml)"
FILE = re.compile(rf"(?<![\w@.~/-])([\w.~/-]*[\w-]\.{ENDING})(?![\w/@-])")
STORE = re.compile(
    r"\b(write|save|note|file|report|create|store|put|record|log|draft|keep)\b", re.I
)
UNNAMED = re.compile(
    r"^(?>.*?\b(?:save|store|record|keep|file)\b).*?\b(?:note|file|list|summary|report)\b",
    re.I | re.M,
)
QUOTED = re.compile(r"“([^“”]+)”|\"([^\"]+)\"|‘([^‘’]+)’|(?<!\w)'([^']+)'(?!\w)")
NUMBERED = re.compile(
    r"\b(order|invoice|ticket|booking|reservation|case|delivery|request|contract)\b"
    r"\s*+(?:(?:number|no\.?)\s*+)?#?([\w-]{0,40}?\d[\w-]{0,60})",
    re.I,
)
NEXT_STEP = re.compile(
    r"(?:[,;]|(?<!\s))\s++(?:and|then)\s++(?:then\s++)?(?:e?-?mail|send|save|write|store|post|get|"
    r"put|note|file|call|fetch|delete|report)\b.*|[.;!?](?:\s.*)?$",
    re.I | re.S,
)
ROLES = ("info", "support", "sales", "team", "office", "accounts", "hello", "contact", "all")
LEADS_TO_PLACE = ("to", "in", "into", "as", "under")
METHODS = re.compile(r"\b(GET|HEAD|POST|PUT|PATCH|DELETE)\b", re.I)

PUTS = re.compile(r"\b(?:write|save|put|store|record|log)\s++(?:down\s++)?", re.I)
LEADS_TO_FILE = re.compile(
    r"(?<!\s)\s++(?:to|into|in|as|under)\s++(?:an?\s|the\s)?(?:\w++\s++)?\Z", re.I
)
GIVES_WORDS = re.compile(r"\s*(?::|with|containing|saying|about)(?:\s+the\s+words?)?")
KIND_OF_TEXT = re.compile(
    r"(?:an?\s+|the\s+)?((?:\w+\s+)?(?:note|file|list|summary|report|text|letter|haiku|poem|page|plan)s?"
    r"(\s+(?:about|on|of|for)\s.+)?)$",
    re.I | re.S,
)

OCCASIONS = (
    (
        "thank",
        "Thank you for {topic}",
        "Thank you for {topic}. We appreciate it, and we hope that "
        "everything is just as you wished. If anything is not, simply answer this email.",
    ),
    (
        "sorry|apolog",
        "Our apologies for {topic}",
        "We are sorry for the trouble with {topic}. We are "
        "putting it right, and we will tell you as soon as that is done.",
    ),
    (
        "remind",
        "A reminder of {topic}",
        "This is a friendly reminder of {topic}. If you have taken "
        "care of it in the meantime, please ignore this email.",
    ),
    (
        "invit",
        "An invitation to {topic}",
        "We would like to invite you to {topic}. Please let us know whether you can come.",
    ),
    (
        "confirm",
        "We confirm {topic}",
        "We confirm {topic}. If anything has changed, simply answer this email.",
    ),
    (
        "welcom",
        "Welcome",
        "Welcome, and thank you for joining us. If you have any question, simply "
        "answer this email.",
    ),
    (
        "refund",
        "Your refund for {topic}",
        "We are refunding {topic}. The money should be with you within a few working days.",
    ),
)
GENERAL = (
    "About {topic}",
    "I am writing to you about {topic}. If you have any question, simply answer this email.",
)


def calls(task: str, offered: set[str]) -> list[Call]:
    """The tool calls that a task asks for, among the tools `offered`, in the task's own terms."""
    found = _requests(task) + _files(task) + _emails(task)
    return [call for call in found if call[0] in offered]


def sentence(text: str) -> str:
    """Text as one sentence: a capital letter in front, a full stop behind."""
    text = text.strip().strip(",;")
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def quotes(text: str) -> list[str]:
    """What stands in quotation marks."""
    return [next(filter(None, groups)) for groups in QUOTED.findall(text)]


def _requests(task: str) -> list[Call]:
    found: list[Call] = []
    for match in islice(URL.finditer(task), MOST_CALLS):
        named = METHODS.findall(task[: match.start()])
        method = named[-1].upper() if named else "GET"
        arguments: dict[str, Any] = {"method": method, "url": match[0], "headers": {}, "body": ""}
        if method in ("POST", "PUT", "PATCH"):
            data = json_object_in(task)
            if data is not None:
                arguments["headers"] = {"Content-Type": "application/json"}
                arguments["body"] = json.dumps(data, ensure_ascii=False)
            else:
                arguments["body"] = " ".join(quotes(task))
        found.append(("http_request", arguments))
    return found


def _files(task: str) -> list[Call]:
    text = EMAIL.sub(" ", URL.sub(" ", task))
    paths = list(dict.fromkeys(FILE.findall(text))) if STORE.search(FILE.sub(" ", text)) else []
    if not paths and UNNAMED.search(text) and not EMAIL.search(task):
        words = re.findall(r"[a-z0-9]+", topic(task).lower())
        paths = ["notes/" + "-".join(words[:6]) + ".md"]
    return [
        ("write_file", {"path": path, "content": _content(task, path)})
        for path in paths[:MOST_CALLS]
    ]


def _content(task: str, path: str) -> str:
    """The words that the task gives for a file, or a page with a title that says what it is about."""
    given = quotes(task)
    if given:
        return "\n".join(given) + "\n"
    after = re.search(rf"{re.escape(path)}{GIVES_WORDS.pattern}\s+(.+)", task, re.S)
    what = _put(task, path) or (NEXT_STEP.sub("", after[1]) if after else "")
    about = KIND_OF_TEXT.match(what)
    if what and not about:
        return (sentence(what) if " " in what else what) + "\n"
    title = about[1] if about and about[2] else topic(task)
    return f"# {sentence(title).rstrip('.')}\n\nWritten for the task: {sentence(task)}\n"


def _put(task: str, path: str) -> str:
    """The words between the last verb that puts something somewhere and the name of the file."""
    for place in islice(re.finditer(re.escape(path), task), MOST_CALLS):
        before = task[: place.start()]
        verbs = list(PUTS.finditer(before))
        words = LEADS_TO_FILE.split(before[verbs[-1].end() :], maxsplit=1) if verbs else []
        if len(words) == 2 and words[0].strip():
            return words[0]
    return ""


def _emails(task: str) -> list[Call]:
    text = URL.sub(" ", task)
    found: dict[str, dict[str, str]] = {}
    for match in islice(EMAIL.finditer(text), MOST_CALLS):
        own = EMAIL.split(text[match.end() :], maxsplit=1)[0]  # up to the next address
        about = topic(own) if NUMBERED.search(own) else topic(text)
        found.setdefault(match[0], _email(text, match[0], about))
    return [("send_email", arguments) for arguments in found.values()]


def _email(task: str, address: str, about: str) -> dict[str, str]:
    given = quotes(task)
    subject, text = next(
        ((subject, text) for words, subject, text in OCCASIONS if re.search(words, task, re.I)),
        GENERAL,
    )
    statement = re.search(r"\b(?:that|saying)\b:?\s+([^“\"]+)", EMAIL.sub("", task), re.S)
    if statement:
        text = sentence(NEXT_STEP.sub("", " ".join(statement[1].split())))
        subject = text.rstrip(".") if (subject, text) != GENERAL else subject
    named = re.search(r"\bsubject\b", task, re.I)
    if named and given:
        subject = given.pop(0)
    if given:
        text = " ".join(sentence(words) for words in given)
    filled = {"subject": subject.replace("{topic}", about), "text": text.replace("{topic}", about)}
    body = f"{_greeting(address)}\n\n{filled['text']}\n\nKind regards,\nSupport\n"
    return {"to": address, "subject": filled["subject"][:120], "body": body}


def topic(task: str) -> str:
    """What a task is about, in the words of somebody who writes to the person concerned."""
    numbered = NUMBERED.search(task)
    if numbered:
        return f"your {numbered[1].lower()} {numbered[2]}"
    text = " ".join(FILE.sub("", EMAIL.sub("", task)).split())
    for words in ("about|regarding|concerning", "for", "of|to", "on"):
        match = re.search(rf"\b(?:{words})\s+(?!(?:and|for|about)\b)(.+)", text, re.I)
        about = NEXT_STEP.sub("", match[1]).strip(" .,:;") if match else ""
        about = _without_ending(about)
        if about:
            return re.sub(r"\b(?:her|his|their)\b", "your", about)
    return "your message"


def _without_ending(about: str) -> str:
    """Without words at the end after which a place would be named."""
    words = about.split(" ")
    while len(words) > 1 and words[-1] in LEADS_TO_PLACE:
        words.pop()
    return " ".join(words)


def _greeting(address: str) -> str:
    parts = [part for part in re.split(r"[._+\-\d]+", address.split("@")[0]) if part]
    if not parts or parts[0].lower() in ROLES:
        return "Hello,"
    return (
        "Dear " + " ".join(f"{x.upper()}." if len(x) == 1 else x.capitalize() for x in parts) + ","
    )
