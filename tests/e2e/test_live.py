"""Pages that stay open: what arrives, what stays put, and what happens when the server goes."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn
from tests.e2e.site import Site, until
from tests.installation import Installation


def test_rows_do_not_move_under_the_pointer_but_are_announced(site: Site, sign_in: SignIn) -> None:
    first = site.ask("pay", amount="20.00")
    page = sign_in("rita")
    page.locator(f"#approval-{first}").hover()
    second = site.ask("pay", amount="21.00")
    expect(page.locator("#fresh")).to_be_visible()
    expect(page.locator(f"#approval-{second}")).to_have_count(0)
    page.locator("#fresh").click()
    expect(page.locator(f"#approval-{second}")).to_be_visible()


def test_a_row_decided_elsewhere_stays_and_says_so(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="22.00")
    page = sign_in("rita")
    expect(page.locator(f"#approval-{number}")).to_be_visible()
    site.run(f"""
from approvals import services
services.approve({number}, by="sam")
""")
    expect(page.locator(f"#approval-{number}")).to_contain_text("Approved")


@pytest.fixture
def fragile(prepared: Installation) -> Site:
    """A site of its own, for a test that kills its server."""
    return Site(prepared)


def test_after_a_lost_connection_the_page_says_so_and_catches_up(
    fragile: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita", at=fragile)
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    os.killpg(fragile.up.pid, signal.SIGKILL)
    fragile.up.wait()
    expect(page.locator("#offline")).to_contain_text("Connection lost at")
    number = fragile.ask("pay", amount="23.00")  # while nothing but the database is there
    fragile.installation.start("up")
    fragile.until_ready()
    expect(page.locator(f"#approval-{number}")).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("body")).to_contain_text("Back after")


def test_signing_out_elsewhere_ends_the_live_page(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    other = page.context.new_page()
    other.goto(f"{site.url}/")
    other.get_by_role("button", name="Sign out").click()
    confirm = other.locator("main").get_by_role("button", name="Sign out")
    if confirm.count():
        confirm.click()
    until(lambda: "login" in other.url, "signed out")
    expect(page.locator("#live")).not_to_have_text(re.compile("^live"))
