"""A plan is worked out in the browser and carried out: with the mouse, by keys, without script."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.axe import check, check_all
from tests.support.browser.site import Site, outcome, until

PHONE = {"width": 390, "height": 844}


def submit(site: Site, to: str) -> subprocess.Popen[str]:
    task = f"Prepare and send the monthly report to {to}"
    return site.installation.start("submit", "interactive", task, "--wait")


def submit_only(site: Site, to: str) -> int:
    """Give the agent work; the number of its plan, as soon as that awaits feedback."""
    task = f"Prepare and send the monthly report to {to}"
    done = site.installation.manage("submit", "interactive", task)
    run = json.loads(done.stdout)["run"]
    code = f"""
from plans.models import Plan
plans = Plan.objects.filter(run={run}, status="awaiting_feedback")
print(*plans.values_list("pk", flat=True))
"""
    return int(until(lambda: site.run(code).strip(), "the plan awaits feedback"))


def open_plan(page: Page, to: str) -> None:
    row = page.locator("#requests .req", has_text=to).first
    expect(row).to_be_visible()
    row.get_by_role("link").click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def has_status(page: Page, word: str) -> None:
    expect(page.locator(".title-line")).to_contain_text(word)


def test_a_plan_is_worked_out_accepted_and_carried_out(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    waiting = submit(site, "pia@example.org")
    open_plan(page, "pia@example.org")
    has_status(page, "Awaiting feedback")
    page.get_by_label("Which period should the monthly report cover?").fill("November")
    press(page, "Edit step 2")
    expect(page.get_by_label("Title of step 2")).to_be_focused()
    page.get_by_label("What will be done").fill("Write two pages to reports/monthly-report.md.")
    press(page, "Save step")
    expect(page.locator("#step-s2")).to_contain_text("Changed by you")
    expect(page.get_by_label("Which period")).to_have_value("November")
    press(page, "Add step")
    page.get_by_label("Title of the new step").fill("File a copy")
    page.get_by_label("What will be done").fill("Write it to reports/copy.md.")
    page.get_by_label("write_file").check()
    press(page, "Save step")
    expect(page.locator("#step-s5")).to_contain_text("Added by you")
    page.get_by_label("Feedback", exact=True).fill("Nobody reads page three.")
    press(page, "Send feedback")
    has_status(page, "version 4")
    expect(page.locator("[id^=plan-talk]")).to_contain_text("now heeds “Nobody reads page three.”")
    page.get_by_role("link", name="Compare 3 and 4").click()
    expect(page.locator(".diff ins").first).to_be_visible()
    check(page, "two versions")
    page.get_by_role("link", name="Back to the plan").click()
    press(page, "Accept plan")
    page.get_by_label("Your input").fill("Dear Pia, here it is.")
    check(page, "a step that asks")
    press(page, "Send input")
    page.get_by_role("link", name=re.compile("Open approval request")).click()
    expect(page.locator(".inked")).to_contain_text("pia@example.org")
    press(page, "Approve")
    done = outcome(waiting)
    assert (done["status"], done["result"]["status"]) == ("completed", "completed")
    assert [step["status"] for step in done["result"]["steps"]] == ["done"] * 5
    page.goto(f"{site.url}/plans/{done['result']['plan']}/")
    has_status(page, "Completed")
    check(page, "a completed plan")


def told(site: Site, plan: int) -> list[list[str]]:
    """What pages have told of the people who had the turns of that plan in sight."""
    code = f"""
import json
from ledger.models import Event
from plans.models import PlanTurn
subjects = [turn.subject for turn in PlanTurn.objects.filter(plan={plan})]
found = Event.objects.filter(subject__in=subjects, kind__in=["plans.looked", "plans.read"])
print(json.dumps([[e.kind, e.actor] for e in found.order_by("id")]))
"""
    found: list[list[str]] = json.loads(site.run(code))
    return found


def test_looking_at_a_plan_and_reading_it_is_told_when_its_turn_is_answered(
    site: Site, sign_in: SignIn
) -> None:
    plan = submit_only(site, "rea@example.org")
    page = sign_in("rita", f"/plans/{plan}/")
    until(lambda: told(site, plan) == [["plans.looked", "user:rita"]], "the look is told")
    press(page, "Edit step 2")
    page.get_by_label("What will be done").fill("Two pages.")
    with page.expect_response(re.compile("/plans/")):
        press(page, "Save step")
    expect(page.locator(".htmx-request")).to_have_count(0)
    assert len(told(site, plan)) == 1
    page.get_by_label("Feedback", exact=True).fill("Shorter.")
    press(page, "Send feedback")
    both = [["plans.looked", "user:rita"], ["plans.read", "user:rita"]]
    until(lambda: told(site, plan)[:2] == both, "the reading is told")


def test_what_was_renewed_by_itself_is_looked_at_and_read_as_well(
    site: Site, sign_in: SignIn
) -> None:
    plan = submit_only(site, "uma@example.org")
    page, other = sign_in("rita"), sign_in("sam")
    for each in (page, other):
        each.goto(f"{site.url}/plans/{plan}/")
    until(lambda: len(told(site, plan)) == 1, "the look is told")
    press(other, "Move step 2 up")
    expect(page.locator("#plan")).to_have_attribute("data-version", "2")
    page.get_by_label("Feedback", exact=True).fill("Shorter.")
    press(page, "Send feedback")
    until(lambda: ["plans.read", "user:rita"] in told(site, plan), "the reading is told")
    until(
        lambda: [kind for kind, _ in told(site, plan)].count("plans.looked") == 2, "the next look"
    )


@pytest.mark.page_only
def test_a_plan_is_changed_and_accepted_with_keys_only(site: Site, sign_in: SignIn) -> None:
    number = submit_only(site, "kim@example.org")
    page = sign_in("rita", f"/plans/{number}/")
    reach(page, "Move step 2 up")
    page.keyboard.press("Enter")
    expect(page.locator("#steps-title + span")).to_be_visible()
    expect(page.locator(".steps h3").first).to_have_text("Write the monthly report")
    expect(page.locator("#up-s2")).to_be_focused()
    reach(page, "Edit step 1")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title of step 1")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Write two pages")
    page.keyboard.press("Enter")
    expect(page.locator(".steps h3").first).to_have_text("Write two pages")
    expect(page.locator("#add")).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Accept plan", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Plan accepted.")  # the answer is there
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    has_status(page, "Stopped")


def reach(page: Page, name: str, tabs: int = 80) -> None:
    """Press Tab until the button of that name has the focus."""
    button = page.get_by_role("button", name=name, exact=True)
    for _ in range(tabs):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {name}")


# The frame that comes for a look at the plan, or for anything else in its run: all is as the page shows it.
HEARS_WHAT_IT_SHOWS = """async () => {
  const { subject, version, status, turn } = document.getElementById("plan").dataset;
  const plan = { version: Number(version), status, turn };
  document.dispatchEvent(new CustomEvent("hitl:frame", { detail: { subject, plan } }));
  await new Promise(requestAnimationFrame);
}"""


def test_what_is_typed_survives_the_agents_revision(site: Site, sign_in: SignIn) -> None:
    number = submit_only(site, "lea@example.org")
    rita, sam = sign_in("rita"), sign_in("sam")
    for page in (rita, sam):
        page.goto(f"{site.url}/plans/{number}/")
    press(rita, "Edit step 2")
    rita.get_by_label("Title of step 2").fill("My own words")
    rita.get_by_label("Feedback", exact=True).fill("Half a sentence")
    rita.evaluate(HEARS_WHAT_IT_SHOWS)
    assert rita.locator("#plan-news").is_hidden()
    sam.get_by_label("Feedback", exact=True).fill("Shorter, please.")
    press(sam, "Send feedback")
    has_status(rita, "version 2")
    expect(rita.locator("#plan-news")).to_be_visible()
    expect(rita.get_by_label("Title of step 2")).to_have_value("My own words")
    press(rita, "Save step")
    expect(rita.get_by_role("alert")).to_contain_text("This page was out of date.")
    expect(rita.get_by_label("Title of step 2")).to_have_value("My own words")
    expect(rita.get_by_label("Feedback", exact=True)).to_have_value("Half a sentence")
    press(rita, "Save step")
    expect(rita.locator("#step-s2 h3")).to_have_text("My own words")
    expect(rita.get_by_label("Feedback", exact=True)).to_have_value("Half a sentence")
    expect(sam.locator("#step-s2 h3")).to_have_text("My own words")


def test_everything_works_without_javascript(site: Site, sign_in: SignIn) -> None:
    number = submit_only(site, "max@example.org")
    page = sign_in("rita", f"/plans/{number}/", java_script_enabled=False)
    page.get_by_label("Feedback", exact=True).fill("Kept all the way.")
    press(page, "Move step 2 up")
    press(page, "Add step")
    page.get_by_label("Title of the new step").fill("File a copy")
    press(page, "Save step")
    expect(page.locator(".steps h3").first).to_have_text("Write the monthly report")
    expect(page.locator(".steps h3").last).to_have_text("File a copy")
    expect(page.get_by_label("Feedback", exact=True)).to_have_value("Kept all the way.")
    press(page, "Stop plan")
    has_status(page, "Stopped")


@pytest.mark.page_only
def test_no_page_of_plans_has_a_violation(site: Site, sign_in: SignIn) -> None:
    number = submit_only(site, "axe@example.org")
    page = sign_in("rita")
    for address in ("/plans/", f"/plans/{number}/", f"/plans/{number}/versions/1/", "/"):
        page.goto(f"{site.url}{address}")
        check_all(page, address)
    page.goto(f"{site.url}/plans/{number}/")
    press(page, "Edit step 2")
    press(page, "Comment on step 1")
    expect(page.get_by_label("Comment on step 1", exact=True).first).to_be_visible()
    check_all(page, "an open step")


@pytest.mark.page_only
def test_a_plan_is_worked_on_with_a_phone(site: Site, sign_in: SignIn) -> None:
    number = submit_only(site, "tom@example.org")
    page = sign_in("rita", f"/plans/{number}/", viewport=PHONE, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Move step 1 down", exact=True).tap()
    expect(page.locator(".steps h3").first).to_have_text("Write the monthly report")
    page.get_by_role("button", name="Accept plan", exact=True).tap()
    expect(page.locator("[id^=plan-versions]")).to_contain_text("accepted by rita")
