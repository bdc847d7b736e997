"""An agent asks, a person decides in the browser, the agent goes on."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site, outcome

TASK = "Write a short thank-you note to ana@example.org for her order 1042 and email it"


def mails(site: Site) -> list[Path]:
    return sorted((site.installation.data / "mail").glob("*.eml"))


def open_request(page: Page, *words: str) -> None:
    """Open the first request of the inbox whose row has all of these in it."""
    rows = page.locator("#requests .req")
    for each in words:
        rows = rows.filter(has_text=each)
    row = rows.first
    expect(row).to_be_visible()
    row.get_by_role("link").click()


def test_a_task_is_asked_approved_in_the_browser_and_really_done(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita")
    before = len(mails(site))
    waiting = site.submit(TASK)
    open_request(page, "ana@example.org")
    expect(page.locator(".inked")).to_contain_text("ana@example.org")
    assert len(mails(site)) == before
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("[id^=outcome-]")).to_contain_text(re.compile("rita", re.IGNORECASE))
    result = outcome(waiting)
    assert (result["status"], waiting.returncode) == ("completed", 0)
    assert [done["status"] for done in result["result"]["actions"]] == ["completed"]
    sent = message_from_bytes(mails(site)[-1].read_bytes(), policy=policy.default)
    assert sent["To"] == "ana@example.org"
    assert len(mails(site)) == before + 1


def test_the_pages_show_that_it_was_decided_taken_up_and_executed(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita")
    waiting = site.submit("Email cleo@example.org that her parcel is on its way")
    open_request(page, "cleo@example.org")
    page.get_by_role("button", name="Approve", exact=True).click()
    run = outcome(waiting)["run"]
    expect(page.locator("section[id^=history-]")).to_contain_text(
        re.compile("approved by rita", re.I)
    )
    page.goto(f"{site.url}/runs/{run}/")
    journal = page.locator(".journal")
    for words in ("Model call", "send_email", "rita", "resumed"):
        expect(journal).to_contain_text(re.compile(words, re.I))


def test_a_new_request_appears_on_an_open_inbox_by_itself(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    number = site.ask("pay", amount="12.00", to="Dora")
    expect(page.locator(f"#approval-{number}")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(\d+\) Inbox"))


def test_a_rejection_reaches_the_agent_with_its_reason(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    waiting = site.submit("Email dan@example.org about his invoice")
    open_request(page, "dan@example.org")
    page.get_by_label("Feedback", exact=True).fill("Dan has left the company.")
    page.get_by_role("button", name="Reject", exact=True).click()
    done = outcome(waiting)["result"]["actions"][0]
    assert (done["status"], done["reason"]) == ("rejected", "Dan has left the company.")


def test_a_revision_comes_back_as_a_new_card_with_the_difference(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita")
    waiting = site.submit("Write a short thank-you note to eve@example.org and email it")
    open_request(page, "eve@example.org")
    page.get_by_label("Feedback", exact=True).fill("Mention the discount of 5 euros.")
    page.get_by_role("button", name="Request revision", exact=True).click()
    page.goto(f"{site.url}/")
    open_request(page, "eve@example.org", "revision 2")
    expect(page.locator(".diff ins").first).to_be_visible()
    page.get_by_role("button", name="Approve", exact=True).click()
    assert outcome(waiting)["status"] == "completed"


def test_the_same_with_a_model_server_over_http(other_site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita", at=other_site)
    waiting = other_site.submit(TASK)
    open_request(page, "ana@example.org")
    page.get_by_role("button", name="Approve", exact=True).click()
    assert outcome(waiting)["status"] == "completed"
    assert len(mails(other_site)) == 1
