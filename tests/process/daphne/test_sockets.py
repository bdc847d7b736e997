"""Why a real Daphne closes sockets, which it lets in, and with which codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dashboard.live.closing import Closing
from tests.support.browser.raw_socket import RawSocket, Refused
from tests.support.browser.site import Site, until

Open = Callable[..., RawSocket]


@pytest.fixture
def opened(site: Site) -> Iterator[Open]:
    """Opens a socket as the page of somebody does, and is done with catching up."""
    sockets = []

    def opened(name: str = "rita", **headers: str) -> RawSocket:
        headers = {
            "Cookie": f"sessionid={site.session_of(name)}",
            "Origin": f"http://127.0.0.1:{site.installation.port}",
            **headers,
        }
        sockets.append(RawSocket(site.installation.port, "/ws/live/", **headers))
        return sockets[-1].live()

    yield opened
    for each in sockets:
        each.end()


def test_a_socket_that_sends_too_much_at_once_is_closed(opened: Open) -> None:
    page = opened()
    page.send("x" * 1025)
    assert page.closed() == Closing.TOO_BIG


def test_a_socket_that_goes_on_sending_is_closed(opened: Open) -> None:
    page = opened()
    for _ in range(21):
        page.send("x")
    assert page.closed() == Closing.AGAINST_THE_RULES


def test_a_socket_whose_session_has_ended_is_closed(site: Site, opened: Open) -> None:
    page = opened("sam")
    site.run("""
from django.contrib.auth.models import User
user = User.objects.get(username="sam")
user.is_active = False
user.save()
""")
    assert page.closed() == Closing.NOT_ALLOWED
    site.run("from django.contrib.auth.models import User; User.objects.update(is_active=True)")


RENAME = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("ALTER TABLE {0} RENAME TO {1}")
"""


def test_when_the_database_fails_for_a_moment_pages_are_sent_away_and_come_back(
    site: Site, opened: Open
) -> None:
    page = opened()
    site.run(RENAME.format("django_session", "away"))
    try:
        assert page.closed() == Closing.TRY_AGAIN
    finally:
        site.run(RENAME.format("away", "django_session"))
    opened()


@pytest.mark.parametrize(
    "origin",
    ["https://127.0.0.1:{}", "http://127.0.0.1", "http://localhost:{}", "http://evil.example"],
)
def test_a_socket_of_another_origin_is_refused_and_the_log_names_both(
    site: Site, opened: Open, origin: str
) -> None:
    port = site.installation.port
    with pytest.raises(Refused, match="403"):
        opened(Origin=origin.format(port))
    said = f"its Origin is '{origin.format(port)}', and this is 'http://127.0.0.1:{port}'"
    until(lambda: said in site.installation.log.read_text(), "it is in the log")
