"""A run whose action nobody knows the outcome of: a person looks at the evidence and says."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import Site, outcome, until


@pytest.fixture
def silent_host(site: Site) -> Iterator[str]:
    """An allowed host that takes a request and hangs up: nobody knows whether it acted on it."""
    site.run("""
from hitl_agents.models import AllowedHost
AllowedHost.objects.get_or_create(host="127.0.0.1", defaults={"allow_private": True})
""")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/notices"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def hang_up(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)


def doubtful(site: Site, page: Page, url: str) -> int:
    """A run in doubt, its page open."""
    waiting = site.submit(f"Post the notice to {url}")
    row = page.locator("#requests .req:not(.is-done)", has_text="127.0.0.1").first
    row.get_by_role("link").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    found = outcome(waiting)
    assert (found["status"], waiting.returncode) == ("in_doubt", 4)
    page.goto(f"{site.url}/runs/{found['run']}/")
    return int(found["run"])


@pytest.mark.parametrize(("button", "state"), [("It ran", "Completed"), ("Abandon", "Failed")])
def test_a_person_says_what_happened(
    site: Site, sign_in: SignIn, silent_host: str, button: str, state: str
) -> None:
    page = sign_in("rita")
    run = doubtful(site, page, silent_host)
    expect(page.locator("main")).to_contain_text("Nobody knows whether")
    page.get_by_label("Feedback", exact=True).fill("The notice stands on the page.")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(f"#run-title-{run}, .title-line").first).to_contain_text(re.compile(state))


def test_it_did_not_run_starts_the_action_again_under_the_same_approval(
    site: Site, sign_in: SignIn, silent_host: str
) -> None:
    page = sign_in("rita")
    run = doubtful(site, page, silent_host)
    page.get_by_label("Feedback", exact=True).fill("Nothing has arrived.")
    page.get_by_role("button", name="It did not run", exact=True).click()
    attempts = f"""
from ledger.models import JournalEntry
print(JournalEntry.objects.get(run={run}, kind="action").attempt)
"""
    until(lambda: site.run(attempts) == "2", "its action is begun once more")
