"""Outputs under review in a real browser: the verdicts, the queue under the keys, live, for everyone."""

from __future__ import annotations

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SignIn
from tests.support.browser.axe import check_all
from tests.support.browser.site import Site, outcome, until

MARKDOWN = "# Title of it\\n\\nSome *text* and `code`.\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |"


def submit(site: Site, task: str) -> subprocess.Popen[str]:
    """`manage.py submit reviewed TASK --wait` in the background."""
    return site.installation.start("submit", "reviewed", task, "--wait")


def add(site: Site, content: str, output_type: str = "newsletter") -> int:
    """An output of a program that is no run; its number."""
    code = f"""
from reviews.queue import ReviewQueue
print(ReviewQueue().add("shop-bot", {output_type!r}, {content!r}, {{"task": "Write it"}}))
"""
    return int(site.run(code))


def open_item(page: Page, words: str) -> None:
    row = page.locator("#idle .req:not(.is-done)", has_text=words).first
    expect(row).to_be_visible()
    row.get_by_role("link").click()


def clear(site: Site) -> None:
    """Decide what other tests have left in the queue."""
    site.run(
        "from reviews.models import ReviewItem; from reviews import services\n"
        "for pk in ReviewItem.objects.filter(status='pending').values_list('pk', flat=True):\n"
        "    services.approve(pk, by='sam')"
    )


def test_an_output_is_rejected_tried_again_corrected_and_the_command_prints_it(
    site: Site, sign_in: SignIn
) -> None:
    page = sign_in("rita")
    waiting = submit(site, "Write a note on the walnut desk organiser")
    open_item(page, "Note on the walnut desk organiser")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator("#feedback-error")).to_be_visible()
    page.get_by_label("Feedback", exact=True).fill("Mention the price of 40 euros.")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator("[id^=outcome-]")).to_contain_text("Mention the price")
    page.goto(f"{site.url}/")
    open_item(page, "2nd try")
    page.get_by_role("link", name="Since last try").click()
    expect(page.locator(".diff ins").first).to_be_visible()
    page.get_by_role("button", name="Correct", exact=True).click()
    page.get_by_label("Your text, used instead of the output").fill("My own words.")
    page.get_by_role("button", name="Show the difference").click()
    expect(page.locator("#preview .diff")).to_be_visible()
    page.get_by_role("button", name="Correct and approve").click()
    expect(page.get_by_role("heading", name="What is used instead")).to_be_visible()
    result = outcome(waiting)
    assert (result["status"], waiting.returncode) == ("completed", 0)
    done = result["result"]
    assert (done["decision"], done["approved"], done["content"]) == (
        "corrected",
        True,
        "My own words.",
    )
    assert [each["decision"] for each in done["tries"]] == ["rejected", "corrected"]


def test_an_approved_output_is_printed_as_it_is(site: Site, sign_in: SignIn) -> None:
    page = sign_in("rita")
    waiting = submit(site, "Write a letter about the linen notebook")
    open_item(page, "Letter about the linen notebook")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("[id^=outcome-]")).to_contain_text(re.compile("rita", re.I))
    done = outcome(waiting)["result"]
    assert done["decision"] == "approved"
    assert "linen notebook" in done["content"]


def test_the_queue_is_worked_through_by_keys_alone(site: Site, sign_in: SignIn) -> None:
    clear(site)
    one, two, three = (add(site, f"# Output {word}\n\nText") for word in ("A", "B", "C"))
    page = sign_in("rita", "/reviews/queue/")
    page.wait_for_url(re.compile(rf"/reviews/{one}/"))
    expect(page.locator(f"#claim-{one}")).to_contain_text("yours for")
    page.keyboard.press("u")
    expect(page.locator("#output pre")).to_contain_text("# Output A")
    page.keyboard.press("u")
    expect(page.locator("#output h2")).to_have_text("Output A")
    page.keyboard.press("j")
    page.wait_for_url(re.compile(rf"/reviews/{two}/"))
    page.keyboard.press("k")
    page.wait_for_url(re.compile(rf"/reviews/{one}/"))
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/reviews/{two}/"))
    page.keyboard.press("2")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/reviews/{three}/"))
    decided = site.run(
        "from reviews.models import ReviewItem\n"
        f"for item in ReviewItem.objects.filter(pk__in=[{one}, {two}]).order_by('pk'):\n"
        "    print(item.status, item.feedback)"
    )
    assert decided.splitlines() == ["approved ", "rejected Tone."] or decided.splitlines() == [
        "approved",
        "rejected Tone.",
    ]


def test_two_people_at_the_queue_get_different_items(site: Site, sign_in: SignIn) -> None:
    clear(site)
    add(site, "First of two")
    add(site, "Second of two")
    pages = [sign_in("rita"), sign_in("sam")]
    for page in pages:
        page.goto(f"{site.url}/reviews/queue/")
    titles = {page.get_by_role("heading", level=1).inner_text() for page in pages}
    assert titles == {"First of two", "Second of two"}


def test_a_new_output_appears_on_an_open_inbox_and_what_others_decide_is_told(
    site: Site, sign_in: SignIn
) -> None:
    page, other = sign_in("rita"), sign_in("sam")
    number = add(site, "Live from the shop")
    expect(page.locator(f"#idle #review-{number}")).to_be_visible()
    page.goto(f"{site.url}/reviews/{number}/")
    page.get_by_label("Feedback", exact=True).fill("half a sentence")
    page.locator("label", has_text="Tone").click()
    other.goto(f"{site.url}/reviews/{number}/")
    other.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(f"#outcome-{number}")).to_contain_text("Decided")
    expect(page.get_by_label("What you had typed")).to_have_value("half a sentence\n\nTone")


def test_without_a_script_everything_can_be_read_and_decided(site: Site, sign_in: SignIn) -> None:
    clear(site)
    number = int(
        site.run(
            "from reviews.queue import ReviewQueue\n"
            "print(ReviewQueue().add('shop-bot', 'letter', 'x ' * 150_000 + 'END'))"
        )
    )
    page = sign_in("rita", "/reviews/queue/", java_script_enabled=False)
    page.get_by_role("link", name=re.compile("Show all")).click()
    expect(page.locator("#output")).to_contain_text("END")
    page.get_by_label("Feedback", exact=True).fill("Fine.")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing left to review")).to_be_visible()
    found = f"from reviews import services; print(services.find_by_id({number}).status)"
    assert until(lambda: site.run(found) == "approved", "the approval")


@pytest.fixture(scope="module")
def addresses(site: Site) -> list[str]:
    """Every page of reviews, with something on it."""
    shown = {
        name: add(site, content, name)
        for name, content in {
            "markdown": MARKDOWN.replace("\\n", "\n") + "\n\n![x](https://e.example/x.png)",
            "python": 'def f(x):\n    """Say it."""\n    return "x" * 3  # so\n',
            "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new",
            "json": '{"a": [1, null, {"b": true}], "c": "d"}',
            "text-" + "w" * 50: "Hidden \u202e things " + "w" * 300,
        }.items()
    }
    decided = add(site, "One wrong word.")
    site.run(
        "from reviews import services\n"
        f"services.correct({decided}, by='sam', content='One right word.', feedback='So.')"
    )
    pages = [f"/reviews/{pk}/" for pk in (*shown.values(), decided)]
    first = shown["markdown"]
    return ["/", "/reviews/", "/reviews/queue/", *pages, f"/reviews/{first}/correct/"]


@pytest.mark.page_only
def test_no_page_of_reviews_has_a_violation(
    site: Site, sign_in: SignIn, addresses: list[str]
) -> None:
    page = sign_in("rita")
    for address in addresses:
        page.goto(f"{site.url}{address}")
        check_all(page, address)


def test_on_the_empty_queue_new_outputs_come_by_themselves_and_are_claimed_by_nobody(
    site: Site, sign_in: SignIn
) -> None:
    clear(site)
    page = sign_in("rita")
    page.goto(f"{site.url}/reviews/queue/")
    expect(page.get_by_text("Nothing left to review")).to_be_visible()
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    number = add(site, "An output that comes while somebody waits for one.")
    row = page.locator(f"#review-{number}")
    expect(row).to_be_visible()
    expect(page.get_by_text("Nothing left to review")).to_have_count(0)
    code = f"from reviews.models import ReviewItem; print(ReviewItem.objects.get(pk={number}).claimed_by)"
    assert site.run(code).strip() == "None"
    row.get_by_role("link").click()
    expect(page.get_by_role("button", name="Approve", exact=True)).to_be_visible()


def test_on_the_empty_queue_of_one_type_only_outputs_of_that_type_come(
    site: Site, sign_in: SignIn
) -> None:
    clear(site)
    page = sign_in("rita")
    page.goto(f"{site.url}/reviews/queue/?type=letter")
    expect(page.get_by_text("Nothing left to review here")).to_be_visible()
    expect(page.locator("#live")).to_have_text(re.compile("^live"))
    other = add(site, "A newsletter.")
    letter = add(site, "A letter.", "letter")
    expect(page.locator(f"#review-{letter}")).to_be_visible()
    expect(page.locator(f"#review-{other}")).to_have_count(0)
    clear(site)
