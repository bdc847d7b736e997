"""Two presses on the page of a plan, the second while the answer to the first is on its way."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.e2e.conftest import SignIn
from tests.e2e.test_plans import has_status, press, submit_only
from tests.support.browser.site import Site, until

pytestmark = pytest.mark.page_only


class Way:
    """The way of what the page sends: presses of some buttons stay on it until they are let go."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent: list[str] = []
        self.holding: set[str] = set()
        self.held: list[Route] = []
        page.route("**/change/", self._take)

    def _take(self, route: Route) -> None:
        button = (route.request.post_data or "").split("do=")[1].split("&")[0]
        self.sent.append(button)
        if button in self.holding:
            self.held.append(route)
        else:
            route.continue_()

    def hold(self, button: str) -> None:
        self.holding.add(button)

    def until_held(self) -> Route:
        expect(self.page.locator(".htmx-request").first).to_be_attached()
        until(self._any_held, "something is on its way")
        return self.held.pop()

    def _any_held(self) -> bool:
        self.page.title()  # Playwright takes what has come meanwhile only in a call
        return bool(self.held)


@pytest.fixture
def number(site: Site) -> int:
    return submit_only(site, "quick@example.org")


@pytest.fixture
def page(site: Site, sign_in: SignIn, number: int) -> Page:
    page = sign_in("rita", f"/plans/{number}/")
    has_status(page, "Awaiting feedback")
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    return page


def has_been_stopped(site: Site, number: int) -> None:
    code = f"from plans.models import Plan; print(Plan.objects.get(pk={number}).status)"
    until(lambda: site.run(code) == "stopped", "the plan is stopped")


NEWS = """
document.getElementById("plan").dataset.isOld = true;
const { subject, version } = document.getElementById("plan").dataset;
const detail = { subject, plan: { version: Number(version), status: "stopped" } };
document.dispatchEvent(new CustomEvent("hitl:frame", { detail }));
"""


def hear_of_it(page: Page) -> None:
    """As from the socket: the plan has changed. The page asks for itself."""
    page.evaluate(NEWS)


def has_been_renewed(page: Page) -> None:
    expect(page.locator("#plan")).not_to_have_attribute("data-is-old", "true")


def is_of_the_acceptance(response: Response) -> bool:
    return "do=accept" in (response.request.post_data or "")


def test_stop_counts_while_the_acceptance_is_still_on_its_way(
    site: Site, page: Page, number: int
) -> None:
    way = Way(page)
    way.hold("accept")
    press(page, "Accept plan")
    accept = way.until_held()
    press(page, "Stop plan")
    has_been_stopped(site, number)
    with page.expect_response(is_of_the_acceptance):
        accept.continue_()
    has_status(page, "Stopped")
    hear_of_it(page)
    has_been_renewed(page)
    expect(page.locator(".notice", has_text="Your acceptance did not count.")).to_be_visible()
    assert way.sent == ["accept", "stop"]


def test_stop_counts_while_the_answer_to_the_acceptance_is_on_its_way(
    site: Site, page: Page, number: int
) -> None:
    way = Way(page)
    way.hold("accept")
    way.hold("stop")
    press(page, "Accept plan")
    accept = way.until_held()
    answer = accept.fetch()
    press(page, "Stop plan")
    stop = way.until_held()
    accept.fulfill(response=answer)
    expect(page.locator("form.htmx-request")).to_have_count(0)
    stop.continue_()
    has_status(page, "Stopped")
    expect(page.locator("#toasts")).to_contain_text("Plan stopped.")
    has_been_stopped(site, number)


def test_an_answer_that_comes_under_the_press_of_stop_takes_no_button_away(
    site: Site, page: Page, number: int
) -> None:
    way = Way(page)
    way.hold("accept")
    press(page, "Accept plan")
    accept = way.until_held()
    answer = accept.fetch()
    page.get_by_role("button", name="Stop plan", exact=True).hover()
    page.mouse.down()
    accept.fulfill(response=answer)
    expect(page.locator("form.htmx-request")).to_have_count(0)
    page.mouse.up()
    has_status(page, "Stopped")
    has_been_stopped(site, number)


def test_the_same_button_pressed_twice_is_sent_once_and_hides_no_news(
    site: Site, page: Page, number: int
) -> None:
    way, held, looks = Way(page), [], list[Route]()
    page.route("**/looked/", lambda told: told.fulfill(status=204))  # or that would be news, too
    page.route(f"**/plans/{number}/", lambda look: looks.append(look), times=1)
    hear_of_it(page)
    until(lambda: page.title() and looks, "the page looks")
    for button, name in (("accept", "Accept plan"), ("stop", "Stop plan")):
        way.hold(button)
        press(page, name)
        held.append(way.until_held())
        press(page, name)
    looks[0].fulfill(response=looks[0].fetch())
    page.evaluate("fetch(location.href).then((answer) => answer.text())")  # behind that
    assert way.sent == ["accept", "stop"]
    expect(page.locator("#toasts")).to_be_empty()
    for route in held:
        route.fulfill(status=204)
    has_been_renewed(page)


def test_another_button_than_stop_says_that_it_was_not_sent(
    site: Site, page: Page, number: int
) -> None:
    way = Way(page)
    way.hold("up%3As2")
    page.get_by_label("Feedback", exact=True).fill("Half a sentence")
    press(page, "Move step 2 up")
    move = way.until_held()
    press(page, "Send feedback")
    expect(page.locator("#toasts")).to_contain_text("Not sent.")
    move.continue_()
    expect(page.locator(".steps h3").first).to_have_text("Write the monthly report")
    expect(page.get_by_label("Feedback", exact=True)).to_have_value("Half a sentence")
    assert way.sent == ["up%3As2"]


def test_stop_waits_like_every_button_while_the_connection_is_lost(
    site: Site, page: Page, number: int
) -> None:
    way = Way(page)
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_contain_text("Connection lost at")
    stop = page.get_by_role("button", name="Stop plan", exact=True)
    stop.press("Enter")
    expect(page.locator("#announce")).to_contain_text("Not sent: the connection is lost.")
    assert way.sent == []
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    stop.press("Enter")
    has_status(page, "Stopped")
    has_been_stopped(site, number)
