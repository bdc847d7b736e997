"""The statistics page in a browser: charts from their tables, live, and true to the policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.axe import check, check_all
from tests.support.browser.site import Site, until

DRAWN = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((part) => part !== 0);
}"""


MARKED_AND_PLANNED = """
from django.contrib.auth.models import User
from escalations import services
from plans import asking, services as plans
from plans.versions.steps import Step
from plans.versions.storing import Draft
rita = User.objects.get(username="rita")
for confidence, was in ((0.35, "wrong"), (0.62, "partly"), (0.91, "right")):
    context = {"task": "Which?", "attempted_response": "That.", "confidence": confidence}
    asked = services.ask(agent_id="unsure", reason="Not sure", context=context, type="low_confidence", threshold=0.95)
    services.dismiss(asked.pk, by=rita, attempt_was=was)
plan = asking.begin(agent_id="planner", goal="Count the stock", actions=[])
asking.offer(plan.pk, Draft((Step("", "Count"),)), based_on=0)
plans.accept(plan.pk, by=rita)
plans.stop(plan.pk, by=rita)
"""


def decide(site: Site, count: int = 1) -> None:
    numbers = [site.ask("pay", amount=f"{n}.00") for n in range(count)]
    for number in numbers:
        site.run(f'from approvals import services; services.approve({number}, by="sam")')


def decided(page: Page) -> int:
    tile = page.locator("#tiles > div", has_text=re.compile(r"^\s*Decided")).locator(".big")
    return int(tile.inner_text().replace(",", ""))


def looks(site: Site, kind: str, number: int) -> str:
    return site.run(
        "from ledger.models import Event; print([(e.actor, e.payload) for e in Event.objects"
        f'.filter(kind="{kind}", subject="approvals.approvalrequest:{number}")])'
    )


@pytest.mark.page_only
def test_the_page_has_its_charts_and_no_violation(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="7.00")
    site.run(f"""
from approvals import services
from django.contrib.auth.models import User
from figures import looking
subject, rita = "approvals.approvalrequest:{number}", User.objects.get(username="rita")
looking.note_look(subject, by=rita)
services.approve({number}, by=rita)
looking.read(subject, looking.Reading(12, 1, 900), by=rita)
""")
    site.run(MARKED_AND_PLANNED)
    page = sign_in("rita", timezone_id="Europe/Berlin")  # the first page tells the time zone
    page.goto(f"{site.url}/statistics/")
    expect(page.locator("#statistics")).to_have_attribute("data-zone", "Europe/Berlin")
    charts = page.locator("canvas[data-draw]")
    expect(charts).to_have_count(8)
    until(lambda: all(chart.evaluate(DRAWN) for chart in charts.all()), "the charts are drawn")
    for summary in page.locator("figure summary").all():
        summary.click()
    check_all(page, "/statistics/")


@pytest.mark.page_only
def test_it_says_so_where_nothing_was_decided_and_to_whom_nothing_is_shown(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita", "/statistics/?range=own&from=2020-01-01&to=2020-01-31")
    expect(page.locator("main")).to_contain_text("Nothing was decided in this time")
    check(page, "/statistics/ without anything")
    outsider = sign_in("nora", "/statistics/")
    expect(outsider.locator("main")).to_contain_text("You may not see this page")


def test_a_decision_is_counted_on_the_open_page_and_moves_nothing(
    site: Site, sign_in: SignIn
) -> None:
    decide(site)
    page = sign_in("rita", "/statistics/")
    expect(page.locator("#live")).to_have_text("live")
    before = decided(page)
    page.evaluate("window.kept = document.getElementById('tiles')")
    page.get_by_label("Agent", exact=True).focus()
    decide(site)
    until(lambda: decided(page) == before + 1, "the decision is counted", 20)
    assert page.evaluate("window.kept.isConnected")
    expect(page.get_by_label("Agent", exact=True)).to_be_focused()


@pytest.mark.page_only
def test_a_filter_applies_when_it_is_chosen(site: Site, sign_in: SignIn) -> None:
    decide(site)
    page = sign_in("rita", "/statistics/?range=24h")
    page.get_by_label("Agent", exact=True).select_option("shop-bot")
    expect(page).to_have_url(re.compile(r"agent=shop-bot.*range=24h"))
    expect(page.locator("main")).to_contain_text("Only what concerns the agent shop-bot")


def test_looking_at_a_request_and_deciding_it_is_told(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="7.00", note="word " * 400)
    page = sign_in("rita", f"/approvals/{number}/")
    until(lambda: "user:rita" in looks(site, "approvals.looked", number), "the look is told")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("[id^=outcome-]")).to_contain_text(re.compile("rita", re.IGNORECASE))
    found = until(lambda: looks(site, "approvals.read", number).strip("[]"), "the reading is told")
    assert "'characters'" in found
    page.goto(f"{site.url}/statistics/")
    expect(page.locator("#figure-care")).to_contain_text("You:")


@pytest.mark.page_only
def test_an_onlookers_look_is_not_told(site: Site, sign_in: SignIn) -> None:
    number = site.ask("pay", amount="8.00")
    page = sign_in("ada")
    page.clock.install()
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))
    page.goto(f"{site.url}/approvals/{number}/")
    page.clock.run_for(5_000)
    assert not [url for url in told if url.endswith("/looked/")]
    assert looks(site, "approvals.looked", number) == "[]"
