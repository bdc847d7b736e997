"""The hub: one drawing for everybody, nobody waits for another, and who may listen is asked once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from pytest_django import DjangoAssertNumQueries

from dashboard.live import hub as hubs
from dashboard.live import listener, rendering
from dashboard.live.admission import find_admitted
from dashboard.live.closing import Closing
from dashboard.live.hub import Hub, hub
from dashboard.live.kinds import kinds
from dashboard.live.listener import Listener
from dashboard.live.transport import make_sender, texts_to, unsent_by
from ledger.models import Event
from ledger.transitions import record
from pages import cards
from pages.inbox import rows
from tests.support import people
from tests.support.listening import PATIENCE, Pages, cookie_of, in_thread

SEE_APPROVALS, SEE_RUNS = "approvals.view_approvalrequest", "ledger.view_run"
ALL = frozenset({SEE_APPROVALS, SEE_RUNS})


class Wire:
    """Stands for a server's end of a socket."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.code: int | None = None
        self.free = asyncio.Event()
        self.free.set()
        self.broken = False

    async def send(self, text: str) -> None:
        await self.free.wait()
        if self.broken:
            raise ConnectionError("gone")
        self.texts.append(text)

    async def close(self, code: int) -> None:
        self.code = code

    @property
    def subjects(self) -> list[str]:
        return [json.loads(text).get("subject", "") for text in self.texts]


def listening(wire: Wire, **options: Any) -> Listener:
    """Somebody who has caught up."""
    found = Listener(wire.send, wire.close, **{"session_key": "key", "may": ALL} | options)
    found._go_live(0, "live")
    return found


def frame(
    event: int, subject: str = "approvals.approvalrequest:1", version: str = ""
) -> rendering.Frame:
    text = json.dumps({"cursor": event, "subject": subject, "version": version})
    return rendering.Frame(event, subject, SEE_APPROVALS, frozenset({"pending"}), text, text, text)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests without a database."""
    monkeypatch.setattr(rendering, "figures", lambda may: {})


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until that holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await one_turn()


async def one_turn() -> None:
    await asyncio.sleep(0)


# ---- Handing on


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    found = Pages()
    yield found
    await found.close()


@pytest.mark.django_db(transaction=True)
async def test_an_event_is_drawn_once_for_all_sockets(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    render = cards.render_to_string

    def counting(name: str, context: dict[str, Any]) -> str:
        drawn.append(name)
        return render(name, context)

    for module in (cards, rows):
        monkeypatch.setattr(module, "render_to_string", counting)
    cookie = await in_thread(lambda: cookie_of(people.rita()))()
    opened = [await pages(cookie, on="pending").live() for _ in range(5)]
    await in_thread(people.asked)()
    texts = [await page.receive_from(timeout=PATIENCE) for page in opened]
    assert len(set(texts)) == 1
    assert drawn == ["approvals/_row.html", "_waiting.html"]


@pytest.mark.django_db(transaction=True)
async def test_a_new_follower_is_followed(pages: Pages) -> None:
    cookie = await in_thread(lambda: cookie_of(people.rita()))()
    await (await pages(cookie).live()).close()
    await in_thread(hubs.tail.stop)()
    page = await pages(cookie).live()
    request = await in_thread(people.asked)()
    assert (await page.card(request.subject))["open"] is True


def test_without_listeners_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "frames", None)  # drawing would fail
    Hub().tell([Event(id=1, kind="approvals.asked", subject="approvals.approvalrequest:1")])


async def test_a_listener_that_fails_does_not_stop_the_others() -> None:
    broken, fine = Wire(), Wire()
    broken.broken = True
    first, second = listening(broken), listening(fine)

    def raising(frames: list[rendering.Frame]) -> None:
        raise ValueError("bug")

    third = listening(Wire())
    third.offer = raising  # type: ignore[method-assign]
    hubs.call_in_loops([third, first, second], lambda one: one.offer([frame(1)]))
    await until(lambda: len(fine.texts) == 2 and broken.code == Closing.TRY_AGAIN)


async def test_a_slow_reader_holds_up_nobody_and_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "MOST_WAITING", 3)
    slow, quick = Wire(), Wire()
    both = [listening(slow), listening(quick)]
    await until(lambda: slow.texts and quick.texts)
    slow.free.clear()
    for number in range(1, 6):
        hubs.call_in_loops(both, lambda one, number=number: one.offer([frame(number)]))  # type: ignore[misc]
        await until(lambda number=number: len(quick.texts) == number + 1)  # type: ignore[misc]
    await until(lambda: slow.code == Closing.TRY_AGAIN)
    assert quick.code is None


async def test_a_full_write_buffer_ends_a_socket() -> None:
    wire = Wire()
    full = listening(wire, unsent=lambda: listener.MOST_UNSENT + 1)
    full.offer([frame(1)])
    await until(lambda: wire.code == Closing.TRY_AGAIN)
    assert wire.texts == []


def test_what_daphne_has_not_written_is_counted() -> None:
    transport = SimpleNamespace(dataBuffer=b"12345", offset=2, _tempDataLen=10)

    def handle_reply(protocol: object, message: object) -> None: ...

    send = partial(handle_reply, SimpleNamespace(transport=transport))
    wrapper = SimpleNamespace(real_send=send)
    assert unsent_by(SimpleNamespace(__self__=wrapper))() == 13
    assert unsent_by(send)() == 13
    assert unsent_by(print)() == 0


class Daphne:
    """Stands for Daphne's end of an open socket, as autobahn has it."""

    STATE_OPEN = state = 3

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.factory = self
        self.prepared = 0
        self.send_queue: list[bytes] = []

    def prepareMessage(self, payload: bytes) -> bytes:
        self.prepared += 1
        return payload

    def sendPreparedMessage(self, message: bytes) -> None:
        self.sent.append(message.decode())

    async def handle_reply(self, protocol: Daphne, message: dict[str, str]) -> None:
        protocol.sent.append(f"slowly {message['text']}")


def on_daphne(server: Daphne) -> Listener:
    send = partial(server.handle_reply, server)
    found = Listener(
        texts_to(send), Wire().close, session_key="key", may=ALL, at_once=make_sender(send)
    )
    found._go_live(0, "live")
    return found


async def test_on_daphne_a_text_is_framed_once_and_sent_without_a_task() -> None:
    server = Daphne()
    many = [on_daphne(server) for _ in range(3)]
    before = server.prepared
    hubs._call_each(many, lambda one: one.say("Ein Rätsel"))
    assert server.sent[3:] == ["Ein Rätsel"] * 3
    assert server.prepared == before + 1


async def test_what_waits_is_sent_first() -> None:
    server = Daphne()
    one = on_daphne(server)
    server.state = 1  # closing, or not open yet: what sends slowly says what is wrong
    one.say("first")
    server.state = server.STATE_OPEN
    one.say("second")
    await until(lambda: len(server.sent) == 3)
    one.say("third")
    assert server.sent == ["live", "slowly first", "slowly second", "third"]


async def test_nothing_follows_the_end() -> None:
    wire = Wire()
    one = listening(wire)
    await until(lambda: wire.texts == ["live"])
    one.offer([frame(1)])
    one.end(Closing.NOT_ALLOWED)
    one.offer([frame(2)])
    await until(lambda: wire.code == Closing.NOT_ALLOWED)
    assert wire.texts == ["live"]


async def test_what_a_user_may_not_see_is_left_out() -> None:
    wire = Wire()
    one = listening(wire, may=frozenset({SEE_RUNS}))
    one.offer([frame(1)])
    one.may = ALL
    one.offer([frame(2)])
    await until(lambda: len(wire.texts) == 2)
    assert json.loads(wire.texts[1])["cursor"] == 2


# ---- Catching up


@pytest.mark.usefixtures("no_figures")
async def test_a_newer_card_is_never_followed_by_an_older_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frame drawn while the page catches up arrives late, or its event comes once more."""
    wire = Wire()
    one = Listener(wire.send, wire.close, session_key="key", may=ALL)
    asked = []

    def since(after: int, shown: object) -> tuple[list[rendering.Frame], int]:
        asked.append(after)
        if after == 0:
            # Drawn by the hub before the second event, handed on while this still draws.
            one.loop.call_soon_threadsafe(one.offer, [frame(1, version="first")])
            return [frame(2, version="second")], 2
        return [], 2

    monkeypatch.setattr(rendering, "draw_since", since)
    await one.catch_up(0)
    one.offer([frame(1, version="first")])  # later still
    one.offer([frame(2, version="second"), frame(3, version="third")])
    await until(lambda: "third" in wire.texts[-1])
    versions = [json.loads(text).get("version") for text in wire.texts]
    assert versions == ["second", None, "third"]
    assert asked == [0, 2]


@pytest.mark.usefixtures("no_figures")
async def test_it_looks_again_until_nothing_was_appended(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {0: 5, 5: 6, 6: 6}
    wire = Wire()
    one = Listener(wire.send, wire.close, session_key="key", may=ALL)
    monkeypatch.setattr(
        rendering,
        "draw_since",
        lambda after, _: ([frame(ends[after])][: ends[after] - after], ends[after]),
    )
    await one.catch_up(0)
    await until(lambda: len(wire.texts) == 3)
    assert json.loads(wire.texts[2]) == {"cursor": 6, "caught_up": 2, "counts": {}}


async def test_it_waits_for_room_while_it_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "PATIENCE", 0.1)
    monkeypatch.setattr(rendering, "draw_since", lambda after, _: ([frame(1)], 1))
    wire = Wire()
    one = Listener(
        wire.send, wire.close, session_key="key", may=ALL, unsent=lambda: listener.MOST_UNSENT
    )
    await one.catch_up(0)
    await until(lambda: wire.code == Closing.TRY_AGAIN)
    assert wire.texts == []


async def test_no_beat_while_it_catches_up() -> None:
    wire = Wire()
    one = Listener(wire.send, wire.close, session_key="key", may=ALL)
    one.beat("too early")
    one._go_live(0, "live")
    one.beat("beat")
    await until(lambda: wire.texts == ["live", "beat"])


# ---- When something is wrong


async def told(events: list[Event]) -> Wire:
    """What a listener gets from a hub that is told of those events, each by itself."""
    wire, one = Wire(), Hub()
    one._listeners = frozenset({listening(wire)})
    for event in events:
        await asyncio.to_thread(one.tell, [event])
    await asyncio.sleep(0)
    await until(lambda: wire.code or len(wire.texts) >= 1 + len(events))
    return wire


async def test_when_frames_cannot_be_drawn_everybody_comes_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rendering, "frames", None)
    assert (await told([Event(id=1)])).code == Closing.TRY_AGAIN
    assert "cannot be drawn" in caplog.text


async def test_too_much_at_once_means_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "frames", lambda rows, shown: [frame(1)] * 201)
    assert (await told([Event(id=1)])).texts[1:] == [rendering.RELOAD]


async def test_a_log_that_jumped_back_means_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "frames", lambda rows, shown: [frame(rows[0][0])])
    wire = await told([Event(id=7), Event(id=3)])
    assert wire.texts[2:] == [rendering.RELOAD]


async def test_when_nobody_can_say_who_may_listen_everybody_comes_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hubs, "find_admitted", None)
    wire, one = Wire(), Hub()
    one._listeners = frozenset({listening(wire)})
    await asyncio.to_thread(one.check)
    await until(lambda: wire.code == Closing.TRY_AGAIN)
    assert "who may still listen" in caplog.text


# ---- Who may listen


@pytest.mark.django_db
def test_the_check_asks_the_same_few_queries_for_any_number(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    users = [people.rita(), people.root(), people.otto()]
    keys = [cookie_of(users[number % 3]) for number in range(30)]
    with django_assert_num_queries(1 + len({kind.needs for kind in kinds().values()})):
        found = find_admitted([*keys, "unknown", ""])
    assert sorted(found) == sorted(key for n, key in enumerate(keys) if n % 3 != 2)


@pytest.mark.django_db
def test_a_session_nobody_signed_in_to_is_not_admitted() -> None:
    session = SessionStore()
    session["theme"] = "dark"
    session.create()
    assert session.session_key
    assert find_admitted([session.session_key]) == {}


# ---- The beat


@pytest.mark.django_db(transaction=True)
async def test_the_beat_says_how_far_the_log_was_read_and_who_runs_agents(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "CHECK_EVERY", 0.05)
    monkeypatch.setattr(hubs, "BEAT_EVERY", 0.05)
    cookie = await in_thread(lambda: cookie_of(people.rita()))()
    page = await pages(cookie).live()
    await in_thread(lambda: record("gates.changed", "approvals.gate:1", actor="system"))()
    while "beat" not in (beat := await page.frame()) or beat["cursor"] != 1:
        pass
    assert "no runner is alive" in beat["html"]["runners"]
    assert "No runner has been started yet." in beat["html"]["no-runner"]
    assert beat["runners"] == 0


@pytest.mark.django_db(transaction=True)
async def test_the_keeper_ends_with_the_last_page(pages: Pages) -> None:
    cookie = await in_thread(lambda: cookie_of(people.rita()))()
    page = await pages(cookie).live()
    keeper = hub._keeper
    assert keeper is not None
    await page.close()
    await asyncio.to_thread(keeper.join, 10)
    assert not keeper.is_alive()
    request = await in_thread(people.asked)()
    again = await pages(cookie, after=0).open()
    assert [card["subject"] for card in await again.cards()] == [request.subject]
    assert hub._keeper is not keeper
