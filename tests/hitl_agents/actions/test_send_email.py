"""send_email: one address, one message, and what is said when it did not work."""

from __future__ import annotations

import email
import email.policy
import errno
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage, get_connection
from pytest_django import Settings

from approvals import actions
from approvals.actions import ActionContext, ActionFailed, OutcomeUnknown
from hitl_agents.actions import eml_backend
from ledger.errors import BadInput
from tests.support.servers import smtp_server

EMAIL = {"to": "ana@example.org", "subject": "Your order 1042", "body": "Dear Ana,\n\nThanks.\n"}
CONTEXT = ActionContext("run-1/step-1", 1, 1)
EML = "hitl_agents.actions.eml_backend.EmlBackend"


def send(context: ActionContext = CONTEXT, **changes: Any) -> dict[str, Any]:
    declared = actions.get("send_email")
    assert declared is not None
    found: dict[str, Any] = declared.run(declared.validate({**EMAIL, **changes}), context)
    return found


def stored(settings: Settings) -> list[Path]:
    return sorted(Path(settings.HITL_MAIL_DIR).iterdir())


@pytest.fixture
def eml(settings: Settings) -> Settings:
    settings.EMAIL_BACKEND = EML
    return settings


def use(settings: Settings, server: smtp_server.Server) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_TIMEOUT = 5


def test_the_default_is_one_file_for_each_message() -> None:
    from hitl_site import settings as fresh

    assert fresh.EMAIL_BACKEND == EML


def test_the_message_is_a_readable_eml_file(eml: Settings) -> None:
    answer = send(subject="Grüße, 世界", body="Zeile eins\n\nZeile zwei 世界\n")
    (path,) = stored(eml)
    assert path.suffix == ".eml"
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "ana@example.org"
    assert message["From"] == eml.DEFAULT_FROM_EMAIL
    assert message["Subject"] == "Grüße, 世界"
    assert message["Message-ID"] == answer["message_id"]
    assert message.get_content() == "Zeile eins\n\nZeile zwei 世界\n"
    assert answer == {
        "to": "ana@example.org",
        "subject": "Grüße, 世界",
        "message_id": message["Message-ID"],
    }


def test_files_sort_by_time_and_none_is_overwritten(eml: Settings) -> None:
    for number in range(20):
        send(subject=f"Number {number}")
    paths = stored(eml)
    subjects = [email.message_from_bytes(path.read_bytes())["Subject"] for path in paths]
    assert subjects == [f"Number {number}" for number in range(20)]


def test_the_mail_directory_is_made_when_it_is_missing(eml: Settings, tmp_path: Path) -> None:
    eml.HITL_MAIL_DIR = tmp_path / "not" / "yet"
    send()
    assert len(stored(eml)) == 1


def test_the_message_id_belongs_to_the_call_not_to_the_try() -> None:
    first, again, other = send(), send(), send(ActionContext("run-1/step-2", 1, 2))
    assert first["message_id"] == again["message_id"] != other["message_id"]
    assert first["message_id"].endswith("@localhost>")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example.org, bob@example.org",
        "ana@example.org,bob@example.org",
        "ana@example.org;bob@example.org",
        "ana@example.org bob@example.org",
        "Ana <ana@example.org>",
        "<ana@example.org>",
        '"ana"@example.org',
        "ana@example.org\nBcc: eve@example.org",
        "ana@example.org\r\nBcc: eve@example.org",
        "ana@example.org\u2028",
        "ana\u200b@example.org",
        "ana@exa\u202emple.org",
        "ana@example..org",
        "a" * 250 + "@example.org",
    ],
)
def test_anything_but_one_plain_address_is_refused(to: str) -> None:
    with pytest.raises(BadInput) as refused:
        send(to=to)
    assert refused.value.field == "to"
    assert mail.outbox == []


@pytest.mark.parametrize("to", ["ana@example.org", "a.b+c_d-e@sub.example.co", "x@bücher.example"])
def test_ordinary_addresses_are_accepted(to: str) -> None:
    send(to=to)
    assert mail.outbox[0].to == [to]


def test_a_list_of_addresses_is_refused() -> None:
    with pytest.raises(BadInput, match="to"):
        send(to=["ana@example.org"])


@pytest.mark.parametrize(
    "subject",
    ["", "  ", "a\nBcc: eve@example.org", "a\r\nX: y", "a\rb", "a\u2028b", "a\x1bb", "x" * 501],
)
def test_a_subject_that_is_not_one_line_is_refused(subject: str) -> None:
    with pytest.raises(BadInput) as refused:
        send(subject=subject)
    assert refused.value.field == "subject"


def test_headers_cannot_be_forged_through_the_body(eml: Settings) -> None:
    send(body="Bcc: eve@example.org\n\nhello\n")
    message = email.message_from_bytes(stored(eml)[0].read_bytes())
    assert message["Bcc"] is None


def test_the_preview_names_subject_and_address() -> None:
    declared = actions.get("send_email")
    assert declared is not None
    assert declared.preview_line(EMAIL) == "“Your order 1042” to ana@example.org"


def test_a_full_disk_is_a_failure_and_leaves_nothing(
    eml: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(eml_backend, "os", SimpleNamespace(**{**vars(os), "fsync": fail}))
    with pytest.raises(ActionFailed, match="No space left"):
        send()
    assert stored(eml) == []


def test_a_directory_that_cannot_be_synced_leaves_the_outcome_unknown(
    eml: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(directory: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(eml_backend, "_sync", fail)
    with pytest.raises(OutcomeUnknown):
        send()


def test_the_eml_backend_can_be_silent_and_skips_what_goes_to_nobody(
    eml: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_connection().send_messages([EmailMessage("s", "b", to=[])]) == 0
    (Path(eml.HITL_MAIL_DIR) / "file").write_text("")
    eml.HITL_MAIL_DIR = Path(eml.HITL_MAIL_DIR) / "file"
    message = EmailMessage("s", "b", to=["ana@example.org"])
    assert get_connection(fail_silently=True).send_messages([message]) == 0


def test_a_mail_server_gets_the_message(settings: Settings) -> None:
    with smtp_server.running() as server:
        use(settings, server)
        answer = send()
    (message,) = server.messages
    assert email.message_from_bytes(message)["Message-ID"] == answer["message_id"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"hello": "554 not you"}, "554 not you"),
        ({"hello": ""}, "let us in"),
        ({"mail": "451 later"}, "451 later"),
        ({"rcpt": "550 no such person"}, "550 no such person"),
        ({"data": "554 too much mail"}, "554 too much mail"),
        ({"end": "552 too large"}, "552 too large"),
        ({"end": "451 disk full"}, "451 disk full"),
    ],
)
def test_a_clear_no_means_that_nothing_was_sent(
    settings: Settings, answers: dict[str, str], said: str
) -> None:
    with smtp_server.running(**answers) as server:
        use(settings, server)
        with pytest.raises(ActionFailed, match=said):
            send()
    assert server.messages == []


@pytest.mark.parametrize("answer", ["", "what?"])
def test_no_clear_answer_to_the_message_leaves_the_outcome_unknown(
    settings: Settings, answer: str
) -> None:
    with smtp_server.running(end=answer) as server:
        use(settings, server)
        with pytest.raises(OutcomeUnknown, match="Message-ID <"):
            send()


def test_trouble_while_saying_goodbye_does_not_matter(settings: Settings) -> None:
    with smtp_server.running(quit="") as server:
        use(settings, server)
        send()
    assert len(server.messages) == 1


def test_a_server_that_is_not_there_is_a_failure(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", taken.getsockname()[1]
        with pytest.raises(ActionFailed, match="refused"):
            send()


def test_what_a_server_says_is_one_storable_line(settings: Settings) -> None:
    with smtp_server.running(rcpt="550 a\0b\x0bc " + "x" * 900) as server:
        use(settings, server)
        with pytest.raises(ActionFailed) as failed:
            send()
    assert "\0" not in str(failed.value)
    assert len(str(failed.value)) < 400


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "=?utf-8?q?Please_pay?="},
        {"subject": "Hello =?UTF-8?B?cGF5?= there"},
        {"subject": "Grüße =?utf-8?q?x?="},
        {"to": "=?utf-8?q?eve?=@example.org"},
        {"to": "\u212a@example.org"},  # the sign for kelvin
    ],
)
def test_words_that_would_arrive_as_others_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        send(**change)
