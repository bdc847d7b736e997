"""Who may not see or decide is told so, and no page has a violation: on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn
from tests.support.browser.axe import check, check_all
from tests.support.browser.site import Site

pytestmark = pytest.mark.page_only

HOSTILE = "<b>pay</b> \u202egnp.exe p\u0430yments@example.org " + "a" * 400


@pytest.fixture(scope="session")
def addresses(site: Site) -> list[str]:
    """Every page, with something on it."""
    pending = site.ask("pay", amount="1.00", note=HOSTILE, nested={"a": [1, 2, {"b": None}]})
    decided = site.ask("pay", amount="2.00")
    site.run(f'from approvals import services; services.approve({decided}, by="sam")')
    run = site.submit_only("Email gina@example.org about her order")
    return [
        "/",
        "/?q=nothing-matches-this",
        "/approvals/",
        f"/approvals/{pending}/",
        f"/approvals/{decided}/",
        f"/approvals/{pending}/edit/",
        "/runs/",
        f"/runs/{run}/",
        "/accounts/2fa/",
        "/approvals/999999/",
    ]


def test_no_page_has_a_violation(site: Site, sign_in: SignIn, addresses: list[str]) -> None:
    page = sign_in("rita")
    for address in addresses:
        page.goto(f"{site.url}{address}")
        check_all(page, address, around=address in ("/", "/runs/"))  # one of each pair of shapes


def test_a_new_task_and_the_sign_in_have_no_violation(site: Site, sign_in: SignIn) -> None:
    page = sign_in("olga", "/runs/new/")
    check(page, "/runs/new/")
    page.context.clear_cookies()
    page.goto(f"{site.url}/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    check(page, "sign-in")


def test_somebody_without_permission_is_told_so_and_sees_nothing(
    site: Site, sign_in: SignIn
) -> None:
    number = site.ask("pay", amount="secret-amount")
    page = sign_in("nora")
    for address in ("/", "/approvals/", f"/approvals/{number}/", "/runs/"):
        page.goto(f"{site.url}{address}")
        expect(page.locator("body")).not_to_contain_text("secret-amount")
        expect(page.locator("main")).to_contain_text("You may not see this page")
        check(page, f"{address} without permission")


def test_an_auditor_reads_but_cannot_decide(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="3.00")
    page = sign_in("ada", f"/approvals/{number}/")
    expect(page.locator("main")).to_contain_text("You cannot decide this one")
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )
    check(page, "an auditor's page")
