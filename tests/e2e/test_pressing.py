"""What is pressed at the very moment when the page is told something new: no press is lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site

pytestmark = pytest.mark.page_only

# Counts what the live socket has said to the page, whatever the page makes of it.
COUNT = """
window.heard = 0;
addEventListener("error", (event) => event.preventDefault()); // what a test provokes
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.socket = this;
    this.addEventListener("message", ({ data }) => { if (data.includes("approvals.")) window.heard += 1; });
  }
};
"""


@pytest.fixture
def inbox(site: Site, sign_in: SignIn) -> Page:
    """Rita's inbox, live."""
    page = sign_in("rita")
    page.add_init_script(COUNT)
    page.reload()
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    return page


def point_at(page: Page, what: Locator) -> None:
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def decide(site: Site, page: Page, number: int) -> None:
    """Another person decides; this page has heard of it when this returns."""
    before = page.evaluate("heard")
    site.run(f'from approvals import services; services.approve({number}, by="sam")')
    page.wait_for_function("before => heard > before", arg=before)


def test_a_link_that_is_renewed_under_the_press_is_followed(site: Site, inbox: Page) -> None:
    number = site.ask("pay", amount="31.00")
    link = inbox.locator(f"#approval-{number}").get_by_role("link")
    point_at(inbox, link)
    inbox.mouse.down()
    decide(site, inbox, number)
    inbox.mouse.up()
    inbox.wait_for_url(f"{site.url}/approvals/{number}/")


def test_what_has_waited_is_shown_when_the_press_is_over_even_behind_a_failure(
    site: Site, inbox: Page
) -> None:
    number = site.ask("pay", amount="32.00")
    row = inbox.locator(f"#approval-{number}")
    expect(row).to_be_visible()
    point_at(inbox, inbox.get_by_role("heading", level=1))
    inbox.mouse.down()
    inbox.evaluate("""socket.dispatchEvent(new MessageEvent("message", {data: '{"beat": 1}'}))""")
    decide(site, inbox, number)
    assert "Approved" not in row.inner_text()  # with all the rest, which would move
    inbox.mouse.up()
    expect(row).to_contain_text("Approved")


def test_a_key_that_is_held_down_counts_as_a_press(site: Site, inbox: Page) -> None:
    number = site.ask("pay", amount="33.00")
    inbox.goto(f"{site.url}/approvals/{number}/")
    expect(inbox.locator("#live")).to_have_text(re.compile("^live"))
    inbox.get_by_role("button", name="Approve", exact=True).focus()
    inbox.keyboard.down("Space")
    decide(site, inbox, number)
    inbox.keyboard.up("Space")
    expect(inbox.get_by_role("alert")).to_contain_text("sam decided first")
