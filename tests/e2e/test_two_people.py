"""Two people on two pages: one decides, the other is told, and loses nothing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site


def feedback(page: Page) -> Locator:
    return page.get_by_label("Feedback", exact=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_the_other_sees_who_decided_and_keeps_what_was_typed(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="99.00")
    rita, sam = sign_in("rita"), sign_in("sam")
    for page in (rita, sam):
        page.goto(f"{site.url}/approvals/{number}/")
    feedback(rita).fill("I was about to say no as well.")
    feedback(sam).fill("Not this month.")
    press(sam, "Reject")
    expect(rita.locator(f"#outcome-{number}")).to_contain_text(re.compile("sam", re.IGNORECASE))
    expect(rita.get_by_label("What you had typed")).to_have_value("I was about to say no as well.")


def test_the_second_decision_is_told_who_was_first(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="98.00")
    rita, sam = sign_in("rita"), sign_in("sam", java_script_enabled=False)
    rita.goto(f"{site.url}/approvals/{number}/")
    sam.goto(f"{site.url}/approvals/{number}/")
    press(rita, "Approve")
    expect(rita.locator(f"#outcome-{number}")).to_contain_text("Approved")
    sam.get_by_label("Feedback", exact=True).fill("No!")
    press(sam, "Reject")
    expect(sam.get_by_role("alert")).to_contain_text(
        re.compile("rita decided first: approved", re.IGNORECASE)
    )
    expect(sam.locator("textarea")).to_have_value("No!")


def test_an_edited_request_counts_as_the_first_decision(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="97.00")
    rita, sam = sign_in("rita"), sign_in("sam", java_script_enabled=False)
    sam.goto(f"{site.url}/approvals/{number}/")
    rita.goto(f"{site.url}/approvals/{number}/edit/")
    rita.get_by_role("textbox").first.fill('{"amount": "9.70"}')
    press(rita, "Edit and approve")
    expect(rita.locator(".inked")).to_contain_text("9.70")
    press(sam, "Approve")
    expect(sam.get_by_role("alert")).to_be_visible()
    expect(sam.locator("body")).to_contain_text(
        re.compile("edited and approved by rita", re.IGNORECASE)
    )


def test_focus_stays_where_it_is_when_something_new_arrives(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="96.00")
    page = sign_in("rita", f"/approvals/{number}/")
    feedback(page).fill("half a sent")
    site.ask("pay", amount="95.00")
    expect(page).to_have_title(re.compile(r"^\(\d+\)"))
    expect(feedback(page)).to_be_focused()
    page.keyboard.type("ence")
    expect(feedback(page)).to_have_value("half a sentence")


@pytest.mark.page_only
def test_the_whole_decision_works_by_keyboard(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="94.00")
    page = sign_in("rita", f"/approvals/{number}/")
    page.locator("body").press("r")
    expect(page.get_by_role("button", name="Reject", exact=True)).to_be_focused()
    feedback(page).focus()
    page.keyboard.type("Too much.")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reject", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#outcome-{number}")).to_contain_text("Too much.")


@pytest.mark.page_only
@pytest.mark.parametrize(
    ("status", "words"), [(0, "The server did not answer"), (502, "This failed (HTTP 502)")]
)
def test_a_press_that_came_to_nothing_is_told_and_nothing_typed_is_lost(
    site: Site, sign_in: SignIn, status: int, words: str
) -> None:
    number = site.ask("pay", amount="93.00")
    page = sign_in("rita", f"/approvals/{number}/")
    feedback(page).fill("Go ahead.")
    page.route(
        "**/decide/",
        lambda route: route.fulfill(status=status) if status else route.abort("connectionfailed"),
    )
    press(page, "Approve")
    expect(page.locator("#toasts")).to_contain_text(words)
    expect(page.locator("#announce")).to_contain_text(words)
    expect(feedback(page)).to_have_value("Go ahead.")
    page.unroute("**/decide/")
    press(page, "Approve")
    expect(page.locator(f"#outcome-{number}")).to_contain_text("Approved")
