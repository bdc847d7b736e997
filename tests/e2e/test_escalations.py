"""An agent that is unsure asks; a person answers in the browser; the command prints it."""

from __future__ import annotations

import re
import subprocess

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.axe import check_all
from tests.support.browser.site import Site, outcome, until


def submit(site: Site, question: str, *options: str) -> subprocess.Popen[str]:
    """`manage.py submit escalating QUESTION --wait` in the background."""
    return site.installation.start("submit", "escalating", question, "--wait", *options)


def escalate(site: Site, question: str, attempt: str = "Perhaps.", verb: str = "") -> int:
    """An escalation of a program that is no run; its number. `verb` is done to it by sam."""
    code = f"""
from escalations import services
context = dict(task={question!r}, attempted_response={attempt!r}, confidence=0.42)
found = services.ask(agent_id="desk", reason="Low confidence (42%) on task", context=context,
    type="low_confidence", threshold=0.7)
{verb}
print(found.pk)
"""
    return int(site.run(code))


def open_question(page: Page, words: str) -> None:
    row = page.locator("#requests .req", has_text=words).first
    expect(row).to_be_visible()
    row.get_by_role("link").click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_an_unsure_agent_is_answered_and_the_command_prints_it(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    waiting = submit(site, "Which discount may we give to Ana?")
    open_question(page, "Which discount may we give to Ana?")
    expect(page.locator(".voice")).to_contain_text("I would have to guess")
    expect(page.get_by_role("img", name="Confidence 35 %")).to_be_visible()
    page.get_by_label("Answer").fill("Ten percent, and no more.")
    press(page, "Answer")
    expect(page.locator("[id^=outcome-]")).to_contain_text("Ten percent, and no more.")
    done = outcome(waiting)
    assert (done["status"], waiting.returncode) == ("completed", 0)
    assert done["result"]["status"] == "completed_with_help"
    assert done["result"]["result"] == "Ten percent, and no more."


def test_what_it_is_sure_about_never_reaches_a_person(site: Site, sign_in: SignIn) -> None:
    done = outcome(submit(site, "What is 12 * 12?"))
    assert done["result"] == {"status": "completed", "result": "144", "confidence": 0.97}
    page = sign_in("rita", "/escalations/?q=12")
    expect(page.locator("#requests .req")).to_have_count(0)


def test_dismissed_it_goes_on_as_uncertain_with_its_attempt(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    waiting = submit(site, "How will the weather be at the fair?")
    open_question(page, "weather be at the fair")
    press(page, "Dismiss")
    expect(page.locator("[id^=outcome-]")).to_contain_text("Dismissed")
    done = outcome(waiting)["result"]
    assert done["status"] == "uncertain"
    assert "I would have to guess" in done["result"]


def test_the_second_time_the_earlier_answer_is_offered_and_used(
    site: Site, sign_in: SignIn
) -> None:
    question = "Which warehouse keeps the red lanterns?"
    page = sign_in("rita")
    first = submit(site, question)
    open_question(page, question)
    page.get_by_label("Answer").fill("The one in Graz.")
    press(page, "Answer")
    outcome(first)
    page.goto(f"{site.url}/")
    second = submit(site, question)
    row = page.locator("#requests .req:not(.is-done)", has_text=question)
    expect(row).to_be_visible()
    row.get_by_role("link").click()
    expect(page.locator(".voice")).to_contain_text("a person answered: The one in Graz.")
    page.get_by_role("button", name="Use").click()
    expect(page.get_by_label("Answer")).to_have_value("The one in Graz.")
    expect(page.get_by_label("Answer")).to_be_focused()
    press(page, "Answer")
    done = outcome(second)
    assert done["result"]["result"] == "The one in Graz."
    page.goto(f"{site.url}/runs/{done['run']}/")
    expect(page.locator(".journal")).to_contain_text("Earlier answers read: 1")


def test_claims_are_seen_by_the_other_whatever_becomes_of_a_look_and_nothing_typed_is_lost(
    site: Site, sign_in: SignIn
) -> None:
    number = escalate(site, "May we ship to Norway?")
    address = f"{site.url}/escalations/{number}/"
    rita, sam = sign_in("rita"), sign_in("sam")
    for page in (rita, sam):
        page.goto(address)
        expect(page.locator("#live")).to_have_text(re.compile("^live"))
    sam.get_by_label("Answer").fill("half a sen")
    sam.route(address, lambda look: look.fulfill(status=503), times=1)
    sam.get_by_role("button", name="Claim").focus()
    with sam.expect_response(lambda found: found.url == address and found.ok):
        press(rita, "Claim")
    sam.get_by_label("Answer").focus()
    expect(rita.locator(f"#claim-{number}")).to_contain_text("Claimed by you")
    expect(sam.locator(f"#claim-{number}")).to_contain_text("Claimed by rita")
    held: list[Route] = []
    sam.route(address, lambda look: held.append(look), times=1)
    press(rita, "Release")
    until(lambda: sam.title() and held, "sam's page looks")
    older = held[0].fetch()
    site.run(f"from escalations import services; services.claim({number}, by='sam')")
    expect(sam.locator(f"#claim-{number}")).to_contain_text("Claimed by you")
    held[0].fulfill(response=older)
    sam.evaluate("fetch(location.href).then((answer) => answer.text())")  # behind that
    assert "Claimed by you" in sam.locator(f"#claim-{number}").inner_text()
    expect(sam.get_by_label("Answer")).to_have_value("half a sen")
    rita.get_by_label("Answer").fill("Yes, with papers.")
    press(rita, "Answer")
    expect(sam.locator(f"#outcome-{number}")).to_contain_text("Yes, with papers.")
    expect(sam.get_by_label("What you had typed")).to_have_value("half a sen")
    expect(sam.locator(f"#mark-{number}")).to_contain_text("Was its own attempt right?")


@pytest.mark.page_only
def test_an_empty_answer_is_refused_beside_the_field(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita", f"/escalations/{escalate(site, 'Is this one empty?')}/")
    page.get_by_text("Wrong", exact=True).click()
    press(page, "Answer")
    expect(page.locator("#answer-error")).to_contain_text("Write what the agent should go on with")
    expect(page.get_by_label("Answer")).to_be_focused()
    expect(page.get_by_label("Wrong")).to_be_checked()


def test_it_is_handed_over_with_a_note(site: Site, sign_in: SignIn) -> None:
    number = escalate(site, "Which customs form is needed?")
    page = sign_in("rita", f"/escalations/{number}/")
    page.get_by_label("Answer").fill("half a sen")
    press(page, "Hand over")
    page.get_by_label("To", exact=True).select_option("sam")
    page.get_by_label("Note").fill("You know the customs rules.")
    press(page, "Hand over")
    expect(page.locator(f"#claim-{number}")).to_contain_text("Handed over to sam")
    expect(page.locator(f"#claim-{number}")).to_contain_text("You know the customs rules.")


@pytest.mark.page_only
def test_keys_lead_to_the_buttons_and_press_none(site: Site, sign_in: SignIn) -> None:
    number = escalate(site, "Do the keys work?")
    page = sign_in("rita", f"/escalations/{number}/")
    for key, name in (("a", "Answer"), ("d", "Dismiss"), ("c", "Claim"), ("h", "Hand over")):
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_label("Answer")).to_be_focused()
    expect(page.locator(f"#title-{number}")).to_contain_text("Pending")


def test_everything_works_without_javascript(site: Site, sign_in: SignIn) -> None:
    keep = 'services.answer(found.pk, by="sam", answer="In the blue cupboard.")'
    escalate(site, "Where is the stamp kept?", verb=keep)
    number = escalate(site, "Where is the stamp kept?")
    page = sign_in("rita", f"/escalations/{number}/", java_script_enabled=False)
    press(page, "Claim")
    expect(page.locator(f"#claim-{number}")).to_contain_text("Claimed by you")
    press(page, "Release")
    page.get_by_label("Answer").fill("It is")
    page.get_by_role("button", name="Use").click()
    expect(page.get_by_label("Answer")).to_have_value("It is\n\nIn the blue cupboard.")
    press(page, "Answer")
    expect(page.locator(f"#outcome-{number}")).to_contain_text("In the blue cupboard.")
    assert page.url == f"{site.url}/escalations/{number}/"
    press(page, "Wrong")
    expect(page.locator(f"#outcome-{number}")).to_contain_text("Its own attempt was wrong")


@pytest.fixture(scope="session")
def addresses(site: Site) -> list[str]:
    """Every page of escalations, with something on it."""
    hostile = "Pay \u202egnp.exe to p\u0430yments@example.org? " + "a" * 300
    marked = 'services.answer(found.pk, by="sam", answer="No.", attempt_was="wrong")'
    answered = escalate(site, hostile, verb=marked)
    claimed = escalate(site, hostile, verb='services.claim(found.pk, by="sam")')
    mine = escalate(site, hostile, verb='services.claim(found.pk, by="rita")')
    handed = 'services.hand_over(found.pk, by="sam", to="rita", note="You know.")'
    pages = [answered, claimed, mine, escalate(site, hostile, verb=handed)]
    own = [f"/escalations/{number}/" for number in pages]
    return [
        "/",
        "/escalations/",
        "/escalations/?q=nothing-like-it",
        "/escalations/calibration/",
        *own,
    ]


@pytest.mark.page_only
def test_no_page_has_a_violation(site: Site, sign_in: SignIn, addresses: list[str]) -> None:
    page = sign_in("rita")
    for address in addresses:
        page.goto(f"{site.url}{address}")
        check_all(page, address)
