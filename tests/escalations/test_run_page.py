"""How the page of a run tells of what it escalated."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.color import no_style
from django.db import connection
from django.test import Client

from approvals import services as approvals
from escalations import services
from escalations.handlers import handling
from escalations.models import Escalation
from tests.support import people
from tests.support.driving import drive, driven
from tests.support.escalated import QUESTION, answered, escalated
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db(transaction=True)


def page(client: Client, pk: int) -> str:
    client.force_login(people.rita())
    response = client.get(f"/runs/{pk}/")
    assert response.status_code == 200
    return as_shown(response.content.decode())


def test_a_waiting_run_leads_to_its_question(client: Client) -> None:
    run = driven("escalating", QUESTION)
    escalation = Escalation.objects.get()
    html = page(client, run.pk)
    assert "1 question waits for a person." in html
    assert f'<a href="/escalations/{escalation.pk}/">escalation {escalation.pk}</a>' in html
    assert "Question: not sure" in html


def test_the_journal_tells_the_answer_and_which_earlier_ones_were_used(client: Client) -> None:
    earlier = answered(QUESTION, "Ten percent.", people.rita())
    run = driven("escalating", QUESTION)
    asked = Escalation.objects.get(status="pending")
    services.answer(asked.pk, by="rita", answer="Twenty, by the new law.")
    drive()
    html = page(client, run.pk)
    assert "Decided: answered by rita" in html
    assert "Twenty, by the new law." in html
    assert "Earlier answers read: 1" in html
    assert f'<a href="/escalations/{earlier.pk}/">escalation {earlier.pk}</a>' in html


def test_a_handler_that_gave_no_answer_is_told(client: Client) -> None:
    run = people.a_run()
    escalation = escalated(run)
    handling.begin(escalation.pk)
    handling.fail(escalation.pk, "It did not answer within 30 seconds.")
    html = page(client, run.pk)
    assert "The handler gave no answer; it goes to a person" in html
    assert "It did not answer within 30 seconds." in html


def test_an_edited_approval_of_the_same_number_hides_no_answer(client: Client) -> None:
    run = people.a_run()
    request, escalation = people.asked(run), escalated(run)
    if request.pk < escalation.pk:
        numbered_up_to(request, escalation.pk - 1)
        request = people.asked(run)
    elif request.pk > escalation.pk:
        numbered_up_to(escalation, request.pk - 1)
        escalation = escalated(run)
    assert request.pk == escalation.pk
    approvals.edit_and_approve(request.pk, by=people.rita(), details={"to": "bob"})
    services.answer(escalation.pk, by="rita", answer="Twenty, by the new law.")
    assert "Twenty, by the new law." in page(client, run.pk)


def numbered_up_to(row: Any, number: int) -> None:
    """Have the next row of that table get the next number after this one."""
    model = type(row)
    if row.pk < number:
        model(**{**model.objects.values().get(pk=row.pk), "id": number}).save(force_insert=True)
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(sql)
