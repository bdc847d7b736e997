"""Every form works without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site


def plain(sign_in: SignIn, name: str, to: str) -> Page:
    return sign_in(name, to, java_script_enabled=False)


@pytest.mark.parametrize(
    ("button", "word"),
    [("Approve", "Approved"), ("Reject", "Rejected"), ("Request revision", "Needs revision")],
)
def test_a_decision_is_made_by_a_plain_form(
    site: Site, sign_in: SignIn, button: str, word: str
) -> None:
    number = site.ask("pay", amount="10.00", why=button)
    page = plain(sign_in, "rita", f"/approvals/{number}/")
    page.get_by_label("Feedback", exact=True).fill("So be it.")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(f"#outcome-{number}")).to_contain_text(word)
    assert page.url == f"{site.url}/approvals/{number}/"


def test_a_rejection_without_a_reason_is_refused_beside_the_field(
    site: Site, sign_in: SignIn
) -> None:
    number = site.ask("pay", amount="11.00")
    page = plain(sign_in, "rita", f"/approvals/{number}/")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator(".field-error")).to_contain_text("Say why")
    expect(page.locator(f"#outcome-{number}")).to_contain_text("Decide")


def test_filters_are_plain_forms(site: Site, sign_in: SignIn) -> None:
    site.ask("wire_transfer", amount="5.00")
    page = plain(sign_in, "rita", "/approvals/")
    page.get_by_role("searchbox").fill("wire_transfer")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".req").first).to_contain_text("wire_transfer")
    expect(page.locator(".req", has_not_text="wire_transfer")).to_have_count(0)


def test_a_task_is_given_and_its_run_cancelled_by_plain_forms(site: Site, sign_in: SignIn) -> None:
    page = plain(sign_in, "olga", "/runs/")
    page.get_by_role("button", name="New task").click()
    page.get_by_label("Gated").check()
    page.get_by_label("Task").fill("Email finn@example.org about his order")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("finn@example.org")
    page.get_by_role("button", name="Cancel run", exact=True).click()
    expect(page.locator(".title-line, [id^=run-title]").first).to_contain_text("Cancelled")
