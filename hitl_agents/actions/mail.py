"""send_email: one message to one address by Django's mail."""

from __future__ import annotations

import contextlib
import hashlib
import smtplib
import unicodedata
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from pydantic import Field, field_validator

from approvals.actions import ActionContext, ActionFailed, Arguments, OutcomeUnknown, action
from hitl_agents.actions.eml_backend import NotStored

SAID = 300  # characters of a server's words
BREAKS = ("Cc", "Zl", "Zp")  # control characters and what ends a line, and so a header
BEFORE_DATA = (
    smtplib.SMTPSenderRefused,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
    NotStored,
    ValueError,
)


class SendEmail(Arguments):
    """What send_email takes."""

    to: str = Field(max_length=254, description="One address, such as ana@example.org.")
    subject: str = Field(min_length=1, max_length=500, description="The subject, one line.")
    body: str = Field(description="The whole message as plain text, greeting and name included.")

    @field_validator("to")
    @classmethod
    def _one_address(cls, to: str) -> str:
        if any(sign in to for sign in '",;<>()') or _has(to, (*BREAKS, "Cf")):
            raise ValueError("exactly one plain address, such as ana@example.org, is accepted.")
        try:
            validate_email(to)
        except ValidationError as error:
            raise ValueError("this is no email address.") from error
        if not to.rpartition("@")[0].isascii() or "=?" in to:
            raise ValueError("the part before the @ has letters that arrive as others.")
        return to

    @field_validator("subject")
    @classmethod
    def _one_line(cls, subject: str) -> str:
        if not subject.strip() or _has(subject, BREAKS):
            raise ValueError("a subject is one line of text, without control characters.")
        if "=?" in subject and "?=" in subject:  # mail programs decode more than they should
            raise ValueError("no encoded words (=?…?=): they arrive as others than are shown.")
        return subject


def _has(text: str, categories: tuple[str, ...]) -> bool:
    return any(unicodedata.category(letter) in categories for letter in text)


@action(
    floor="medium",
    undoable=False,
    preview=lambda arguments: f"“{arguments.subject}” to {arguments.to}",
    does="Approve sends the email at once.",
)
def send_email(arguments: SendEmail, context: ActionContext) -> dict[str, Any]:
    """Send an email to one address; it cannot be called back."""
    message_id = _message_id(context.idempotency_key)
    connection = _connected()
    message = EmailMessage(
        arguments.subject,
        arguments.body,
        to=[arguments.to],
        headers={"Message-ID": message_id},
        connection=connection,
    )
    try:
        sent = message.send()
    except (OSError, ValueError) as error:
        if _is_not_sent(error):
            raise ActionFailed(f"The email was not sent: {_reason(error)}") from error
        raise OutcomeUnknown(
            f"The mail server broke off while the message was handed over ({_reason(error)}). "
            f"Look there for the Message-ID {message_id}."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it is sent or not by now; saying goodbye is no part
            connection.close()
    if not sent:
        raise ActionFailed("The email was not sent: the mail backend took no message.")
    return {"to": arguments.to, "subject": arguments.subject, "message_id": message_id}


def _connected() -> BaseEmailBackend:
    """A mail connection that is open: what fails up to here has sent nothing."""
    connection: BaseEmailBackend = get_connection()
    try:
        connection.open()
    except OSError as error:
        with contextlib.suppress(OSError):
            connection.close()
        text = f"The email was not sent, the mail server does not let us in: {_reason(error)}"
        raise ActionFailed(text) from error
    return connection


def _is_not_sent(error: Exception) -> bool:
    """Whether the server clearly said no, or the message never left this process."""
    if isinstance(error, smtplib.SMTPDataError):
        return 400 <= error.smtp_code < 600  # -1 is an answer that nobody understood
    return isinstance(error, BEFORE_DATA)


def _message_id(idempotency_key: str) -> str:
    """The same id for the same approved call, so that two copies would show as one."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}@{domain}>"


def _reason(error: Exception) -> str:
    """What the server said, on one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return f"{code} {_decoded(text)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decoded(error.smtp_error)}"
    return _decoded(str(error)) or type(error).__name__


def _decoded(text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join(said.replace("\0", "").split())[:SAID]
