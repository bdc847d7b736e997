"""Pages that stay open: what arrives, what stays put, and what happens when the server goes."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site, until


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


DECIDE_ALL = """
from approvals import services
from approvals.models import ApprovalRequest
for request in ApprovalRequest.objects.filter(status="pending"):
    services.approve(request.pk, by="sam")
"""


def test_a_phone_that_was_opened_with_nothing_waiting_counts_what_comes(
    other_site: Site, sign_in: SignIn
) -> None:
    other_site.run(DECIDE_ALL)
    page = sign_in("rita", at=other_site, viewport={"width": 390, "height": 844})
    waiting = page.locator("header.top").get_by_role("link", name="waiting")
    menu = page.get_by_role("button", name="Menu")
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    expect(waiting).to_have_count(0)
    before = menu.bounding_box()
    other_site.ask("pay", amount="24.00")
    expect(waiting).to_have_text("1 waiting")
    assert menu.bounding_box() == before
    other_site.run(DECIDE_ALL)
    expect(waiting).to_have_count(0)


def test_after_a_lost_connection_the_page_says_so_and_catches_up(
    other_site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita", at=other_site)
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    os.killpg(other_site.up.pid, signal.SIGKILL)
    other_site.up.wait()
    expect(page.locator("#offline")).to_contain_text("Connection lost at")
    number = other_site.ask("pay", amount="23.00")  # while nothing but the database is there
    other_site.installation.start("up")
    other_site.until_ready()
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


BEAT = """
from dashboard.live.hub import beat_text
from ledger.models import Runner
Runner.objects.update(stopped={stopped})
print(beat_text(0))
"""


def test_an_open_page_is_told_that_no_runner_is_alive_and_that_one_is_back(
    site: Site, sign_in: SignIn
) -> None:
    number = site.ask("pay", amount="25.00")
    page = sign_in("rita")
    sockets: list[WebSocketRoute] = []

    def keep(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws/live/"), keep)
    page.goto(f"{site.url}/approvals/{number}/")
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    heading = page.get_by_role("heading", level=1)
    before = heading.bounding_box()

    try:
        sockets[-1].send(site.run(BEAT.format(stopped=True)))
        toast = page.locator("#toasts")
        expect(toast).to_contain_text("No runner is alive since")
        expect(page.locator("#announce")).to_contain_text("No runner is alive")
        assert heading.bounding_box() == before
        toast.get_by_role("button", name="Close").press("Enter")
        expect(toast).to_be_empty()
        page.reload()
        expect(page.locator("#no-runner")).to_contain_text("No runner is alive since")
        expect(page.locator("#live")).to_have_text(re.compile("^live"))
        before = heading.bounding_box()
    finally:
        back = site.run(BEAT.format(stopped=False))
    sockets[-1].send(back)
    expect(page.locator("#no-runner")).to_contain_text("A runner is back")
    expect(page.locator("#announce")).to_contain_text("A runner is back")
    assert heading.bounding_box() == before


CLOSED = """
from dashboard.live.closing import Closing
print(Closing.{reason}.value)
"""


@pytest.mark.parametrize("reason", ["TRY_AGAIN", "TOO_BIG", "AGAINST_THE_RULES", "NOT_ALLOWED"])
def test_a_page_whose_socket_is_closed_says_so_at_once_and_comes_back(
    site: Site, sign_in: SignIn, reason: str
) -> None:
    page = sign_in("rita")
    sockets: list[WebSocketRoute] = []

    def keep(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws/live/"), keep)
    page.goto(f"{site.url}/")
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    page.evaluate(WATCH_THE_WORD)
    sockets[-1].close(code=int(site.run(CLOSED.format(reason=reason))))
    expect(page.locator("#live")).to_have_text(
        re.compile("^live")
    )  # at first still, and then again
    page.wait_for_function("window.words.includes('offline') && window.words.at(-1) === 'live'")
    assert page.evaluate("window.words[0]") == "offline"
    number = site.ask("pay", amount="26.00")
    expect(page.locator(f"#approval-{number}")).to_be_visible()


WATCH_THE_WORD = """() => {
  window.words = [];
  const word = document.getElementById('live');
  const note = () => { if (window.words.at(-1) !== word.textContent) window.words.push(word.textContent); };
  new MutationObserver(note).observe(word, { childList: true, characterData: true, subtree: true });
}"""
