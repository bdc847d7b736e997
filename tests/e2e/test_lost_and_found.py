"""What a page keeps through a lost connection, a reload of its own, and news that come together."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.conftest import SignIn
from tests.e2e.test_escalations import escalate
from tests.e2e.test_statistics import looks
from tests.support.browser.site import Site, until

pytestmark = pytest.mark.page_only

SLOWEST = (
    "Math.random = () => 0.99;"  # a page that loads itself anew waits a random time, up to 1 s
)


class Line:
    """A page's live socket, which the test can cut and mend."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self.heard: list[str] = []
        page.route_web_socket(re.compile("/ws/live/"), self._opened)
        # A server that answers this, and takes no socket, refuses it; one that is away does not.
        page.route(
            re.compile("/healthz"),
            lambda ask: ask.abort("connectionrefused") if self.is_cut else ask.continue_(),
        )

    def _opened(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        if self.is_cut:
            socket.close()
        else:
            self.server = socket.connect_to_server()
            self.server.on_message(self._pass_on)

    def _pass_on(self, text: str | bytes) -> None:
        self.heard.append(str(text))
        self.socket.send(text)

    def say(self, **frame: object) -> None:
        self.socket.send(json.dumps(frame))

    def cut(self) -> None:
        self.is_cut = True
        self.socket.close()


def is_live(page: Page) -> None:
    expect(page.locator("#live")).to_have_text(re.compile("^live"))


def test_words_begun_before_a_page_loads_itself_anew_are_kept_and_it_goes_on_saying_so(
    site: Site, sign_in: SignIn
) -> None:
    number = site.ask("pay", amount="31.00")
    page = sign_in("rita")
    page.add_init_script(SLOWEST)
    line = Line(page)
    page.goto(f"{site.url}/approvals/{number}/")
    is_live(page)
    line.say(reload=True)
    page.get_by_label("Feedback", exact=True).fill("half a sen")
    bar = page.locator("#offline")
    expect(bar).to_contain_text("Much has changed")
    expect(page.get_by_label("Feedback", exact=True)).to_have_value("half a sen")
    before = line.socket
    before.close()  # it comes back at once; what was missed is still missing
    while line.socket is before:
        page.wait_for_timeout(20)
    line.say(caught_up=0, cursor=0, counts={})
    expect(bar).to_contain_text("Much has changed")
    line.say(reload=True)
    line.cut()
    expect(bar).to_contain_text("Connection lost at")
    expect(
        page.locator(f"#outcome-{number}").get_by_role("button", name="Approve", exact=True)
    ).to_have_attribute("aria-disabled", "true")


def test_words_that_the_server_gave_back_are_kept_when_somebody_else_decides(
    site: Site, sign_in: SignIn
) -> None:
    number = escalate(site, "May we ship to Iceland?")
    page = sign_in("rita", f"/escalations/{number}/")
    is_live(page)
    page.get_by_label("Answer").fill("Three paragraphs.")
    page.get_by_role("button", name="Claim", exact=True).click()
    expect(page.locator(f"#claim-{number}")).to_contain_text("Claimed by you")
    expect(page.get_by_label("Answer")).to_have_value("Three paragraphs.")
    site.run(
        f"from escalations import services; services.dismiss({number}, by='sam', feedback='No.')"
    )
    expect(page.get_by_label("What you had typed")).to_have_value("Three paragraphs.")


def test_a_form_is_renewed_around_all_that_was_typed_and_sends_what_was_read(
    site: Site, sign_in: SignIn
) -> None:
    number = escalate(site, "May we ship to Malta?")
    page = sign_in("rita")
    line = Line(page)
    page.goto(f"{site.url}/escalations/{number}/")
    is_live(page)
    page.get_by_label("Answer").fill("Two words.")
    page.get_by_label("Keep for similar questions").uncheck()
    outcome = page.locator(f"#outcome-{number}")
    shown = outcome.evaluate("element => element.outerHTML")
    digest = page.locator("[name=digest]").input_value()
    shown = shown.replace(digest, "another").replace("as uncertain", "as it likes")
    line.say(subject="", cursor=0, counts={}, html={f"outcome-{number}": shown})
    expect(outcome).to_contain_text("as it likes")
    expect(page.get_by_label("Answer")).to_have_value("Two words.")
    expect(page.get_by_label("Keep for similar questions")).not_to_be_checked()
    expect(page.locator("[name=digest]")).to_have_value(digest)


def test_what_changed_while_the_connection_was_lost_is_told_and_a_decision_after_it_as_read(
    site: Site, sign_in: SignIn
) -> None:
    number = site.ask("pay", amount="32.00")
    page = sign_in("rita")
    line = Line(page)
    page.goto(f"{site.url}/approvals/{number}/")
    is_live(page)
    until(lambda: "user:rita" in looks(site, "approvals.looked", number), "the look is told")
    line.cut()
    expect(page.locator("#offline")).to_contain_text("Connection lost at")
    page.evaluate("document.dispatchEvent(new Event('hitl:placed'))")  # as what is caught up does
    site.run(f"from approvals import deadlines; deadlines.shorten({number}, 3000)")
    page.get_by_role("heading", level=1).hover()
    page.mouse.down()  # so that all that is caught up comes at once
    line.heard.clear()
    line.is_cut = False
    while not any("caught_up" in text for text in line.heard):
        page.wait_for_timeout(20)
    page.mouse.up()
    is_live(page)
    expect(page.locator("#back")).to_contain_text("1 request changed meanwhile")
    page.get_by_role("button", name="Approve", exact=True).click()
    until(lambda: looks(site, "approvals.read", number).strip("[]"), "the reading is told")


def test_what_comes_together_reaches_both_lanes_of_a_filtered_inbox(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita", "/?q=twosome")
    is_live(page)
    found = site.run("""
from approvals import services
from approvals.gate import gate_named
from reviews.queue import ReviewQueue
asked = services.ask(gate=gate_named("shop"), agent_id="twosome", action="pay", details={},
                     risk_level="high")
print(asked.pk, ReviewQueue().add("twosome", "note", "Hello."))
""")
    approval, review = found.split()
    expect(page.locator(f"#approval-{approval}")).to_be_visible()
    expect(page.locator(f"#review-{review}")).to_be_visible()
