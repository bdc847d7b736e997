"""The live socket: who is let in, what a page is told, and when it is sent away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from approvals import services
from dashboard.live import hub as hubs
from dashboard.live import rendering
from dashboard.live.closing import Closing
from dashboard.live.hub import hub
from ledger.models import Event
from tests.support import people
from tests.support.listening import PATIENCE, Page, Pages, cookie_of, in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    found = Pages()
    yield found
    await found.close()


def newcomer() -> str:
    return cookie_of(people.rita())


def decided(**options: object) -> str:
    """The subject of a request that was asked and approved."""
    request = people.asked(**options)
    services.approve(request.pk, by=people.rita(), feedback="Go.")
    return request.subject


# ---- Who is let in


async def test_without_a_session_the_socket_is_refused(pages: Pages) -> None:
    assert (await pages("").connect())[0] is False


async def test_with_an_unknown_session_the_socket_is_refused(pages: Pages) -> None:
    assert (await pages("x" * 32).connect())[0] is False


async def test_without_the_permission_the_socket_is_refused(pages: Pages) -> None:
    cookie = await in_thread(lambda: cookie_of(people.otto()))()
    assert (await pages(cookie).connect())[0] is False


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://localhost.evil.example", "null", None, ""),
        *(
            "https://localhost:8000",
            "http://localhost:8001",
            "http://localhost",
            "http://127.0.0.1:8000",
        ),
    ],
)
async def test_a_foreign_origin_is_refused(pages: Pages, origin: str | None) -> None:
    cookie = await in_thread(newcomer)()
    assert (await pages(cookie, origin=origin).connect())[0] is False


async def test_who_may_see_approvals_is_let_in(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    assert (await pages(cookie).connect())[0] is True


# ---- Catching up


async def test_catching_up_tells_each_changed_subject_once_as_it_is_now(pages: Pages) -> None:
    cookie, first = await in_thread(newcomer)(), await in_thread(decided)()
    second = (await in_thread(people.asked)()).subject
    page = await pages(cookie, after=0).open()
    cards = await page.cards()
    assert [card["subject"] for card in cards] == [first, second]
    assert [card["open"] for card in cards] == [False, True]
    assert "Approved" in "".join(cards[0]["html"].values())


async def test_a_page_that_knows_all_is_told_nothing(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    await in_thread(decided)()
    page = await pages(cookie, after=await in_thread(Event.objects.newest)()).open()
    assert await page.cards() == []


async def test_without_a_cursor_a_page_is_told_what_happens_from_now_on(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    await in_thread(decided)()
    page = await pages(cookie).open()
    assert await page.cards() == []
    later = await in_thread(people.asked)()
    assert (await page.card(later.subject))["open"] is True


@pytest.mark.parametrize("after", ["1000", "-1", "nonsense", "", "9" * 40, "٣"])
async def test_a_cursor_that_the_log_does_not_have_means_reload(pages: Pages, after: str) -> None:
    cookie = await in_thread(newcomer)()
    page = await pages(cookie, after=after).open()
    assert await page.frame() == {"reload": True}


async def test_too_much_to_catch_up_with_means_reload(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "MOST_CARDS", 3)
    cookie = await in_thread(newcomer)()
    for _ in range(3):
        await in_thread(people.asked)()
    page = await pages(cookie, after=0).open()
    assert len(await page.cards()) == 3
    await in_thread(people.asked)()
    page = await pages(cookie, after=0).open()
    assert await page.frame() == {"reload": True}


async def test_a_cursor_from_long_ago_means_reload(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "LOOK_BACK", 1)
    cookie = await in_thread(newcomer)()
    await in_thread(decided)()
    page = await pages(cookie, after=0).open()
    assert await page.frame() == {"reload": True}


async def test_a_reload_does_not_end_what_is_live(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    page = await pages(cookie, after="nonsense").open()
    assert await page.frame() == {"reload": True}
    request = await in_thread(people.asked)()
    assert (await page.card(request.subject))["open"] is True


async def test_from_any_cursor_of_a_frame_on_nothing_is_missed(pages: Pages) -> None:
    """One decision can change two cards; between them a page has not passed that event."""
    cookie = await in_thread(lambda: cookie_of(people.root()))()
    run = await in_thread(people.a_run)()
    request = await in_thread(lambda: people.asked(run))()
    cards = await (await pages(cookie, after=0).open()).cards()
    assert {card["subject"] for card in cards} == {run.subject, request.subject}
    again = await pages(cookie, after=cards[0]["cursor"]).open()
    assert cards[1]["subject"] in {card["subject"] for card in await again.cards()}


# ---- Live


async def test_a_decision_in_another_thread_arrives(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    request = await in_thread(people.asked)()
    page = await pages(cookie).live()
    await in_thread(lambda: services.reject(request.pk, by=people.rita(), feedback="No."))()
    card = await page.card(request.subject)
    assert card["kind"] == "approvals.rejected"
    assert card["open"] is False
    assert card["counts"] == {"approvals": 0, "approvals_risk": ""}
    assert card["cursor"] == await in_thread(Event.objects.newest)()


async def test_all_pages_get_the_same_text(pages: Pages) -> None:
    cookies = [await in_thread(newcomer)(), await in_thread(lambda: cookie_of(people.root()))()]
    opened = [await pages(cookie).live() for cookie in cookies]
    await in_thread(people.asked)()
    texts = [await page.receive_from(timeout=PATIENCE) for page in opened]
    assert texts[0] == texts[1]


async def test_what_a_page_sends_changes_nothing(pages: Pages) -> None:
    cookie = await in_thread(newcomer)()
    request = await in_thread(people.asked)()
    before = await in_thread(Event.objects.count)()
    page = await pages(cookie).live()
    await page.send_json_to({"verdict": "approve", "id": request.pk})
    await page.send_to(bytes_data=b"\x00\xff")
    await page.send_to(text_data="{")
    later = await in_thread(people.asked)()
    assert (await page.card(later.subject))["open"] is True
    assert await in_thread(Event.objects.count)() == before + 1


async def test_a_page_that_sends_much_at_once_is_closed(pages: Pages) -> None:
    page = await pages(await in_thread(newcomer)()).live()
    await page.send_to(text_data="x" * 2000)
    assert await page.closed() == Closing.TOO_BIG


async def test_a_page_that_keeps_sending_is_closed(pages: Pages) -> None:
    page = await pages(await in_thread(newcomer)()).live()
    for _ in range(21):
        await page.send_to(text_data="hello")
    assert await page.closed() == Closing.AGAINST_THE_RULES


async def test_a_page_that_left_is_forgotten(pages: Pages) -> None:
    page = await pages(await in_thread(newcomer)()).live()
    assert len(hub) == 1
    await page.close()
    assert len(hub) == 0


# ---- Sent away


def log_out() -> None:
    Session.objects.all().delete()


def let_the_session_expire() -> None:
    Session.objects.update(expire_date=timezone.now())


def deactivate() -> None:
    User.objects.update(is_active=False)


def take_the_permission() -> None:
    User.objects.get(username="rita").groups.clear()


def change_the_password() -> None:
    rita = User.objects.get(username="rita")
    rita.set_password("another one")
    rita.save()


CAUSES = [
    log_out,
    let_the_session_expire,
    deactivate,
    take_the_permission,
    change_the_password,
]


@pytest.mark.parametrize("cause", CAUSES, ids=[cause.__name__ for cause in CAUSES])
async def test_who_may_no_longer_listen_gets_nothing_more(pages: Pages, cause) -> None:  # type: ignore[no-untyped-def]
    page = await pages(await in_thread(newcomer)()).live()
    request = await in_thread(people.asked)()
    await page.card(request.subject)

    def then() -> None:
        cause()
        hub.check()
        services.cancel(request.pk, actor="system")

    await in_thread(then)()
    assert await page.receive_output(timeout=PATIENCE) == {
        "type": "websocket.close",
        "code": Closing.NOT_ALLOWED,
    }
    assert await page.receive_nothing(timeout=0.3)


async def test_the_check_comes_by_itself(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "CHECK_EVERY", 0.05)
    page = await pages(await in_thread(newcomer)()).live()
    await in_thread(log_out)()
    assert await page.closed() == Closing.NOT_ALLOWED


async def test_losing_one_session_closes_only_its_pages(pages: Pages) -> None:
    leaving, staying = await in_thread(newcomer)(), await in_thread(newcomer)()
    first, second = await pages(leaving).live(), await pages(staying).live()
    await in_thread(lambda: Session.objects.get(session_key=leaving).delete())()
    await in_thread(hub.check)()
    assert await first.closed() == Closing.NOT_ALLOWED
    request = await in_thread(people.asked)()
    assert (await second.card(request.subject))["open"] is True


async def test_who_may_not_see_runs_is_told_nothing_of_them(pages: Pages) -> None:
    def only_approvals() -> str:
        cookie = newcomer()
        reviewers = people.group_named("Reviewers")
        reviewers.permissions.remove(*reviewers.permissions.filter(codename="view_run"))
        return cookie

    cookie = await in_thread(only_approvals)()
    run = await in_thread(people.a_run)()
    request = await in_thread(lambda: people.asked(run))()
    cards = await (await pages(cookie, after=0).open()).cards()
    assert [card["subject"] for card in cards] == [request.subject]


def test_the_helper_asks_as_a_browser_does() -> None:
    page = Page("key", after=5, on="pending")
    assert page.scope["query_string"] == b"after=5&on=pending"
