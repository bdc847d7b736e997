"""The page of an output, its verdict, and the list: with htmx, and as plain HTML."""

from __future__ import annotations

import pytest
from django.test import Client

from ledger.models import Event
from reviews import claims, services
from reviews.models import ReviewItem
from tests.support import people
from tests.support.markup import as_shown
from tests.support.reviewing import added, browser, verdict

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def now(item: ReviewItem) -> ReviewItem:
    return services.find_by_id(item.pk)


@pytest.fixture
def rita() -> Client:
    return browser(people.rita())


# ---- One item --------------------------------------------------------------------------------


def test_the_page_shows_the_output_what_it_was_made_from_and_the_three_verdicts(
    rita: Client,
) -> None:
    page = as_shown(rita.get(f"/reviews/{added().pk}/").content.decode())
    assert "<h2>What changed</h2>" in page
    assert "Write what changed in November" in page
    for button in ("Approve", "Reject", "Correct", "Claim"):
        assert f"{button}" in page


def test_a_stranger_is_sent_to_the_sign_in_page() -> None:
    item = added()
    for address in ("/reviews/", "/reviews/queue/", f"/reviews/{item.pk}/"):
        assert Client().get(address).status_code == 302


def test_somebody_without_permission_is_told_so_and_sees_nothing() -> None:
    otto, item = browser(people.otto()), added()
    for address in ("/reviews/", "/reviews/queue/", f"/reviews/{item.pk}/"):
        answer = otto.get(address)
        assert answer.status_code == 403
        assert b"Three things" not in answer.content


def test_an_unknown_item_is_404(rita: Client) -> None:
    for number in ("999999", "99999999999999999999"):
        assert rita.get(f"/reviews/{number}/").status_code == 404
        assert rita.post(f"/reviews/{number}/decide/", {}).status_code == 404
        assert rita.post(f"/reviews/{number}/correct/", {}).status_code == 404
        assert rita.post(f"/reviews/{number}/claim/", {}).status_code == 404


def test_approving_leads_back_to_the_item_as_it_is_now(rita: Client) -> None:
    item = added()
    answer = rita.post(f"/reviews/{item.pk}/decide/", verdict(item), follow=True)
    assert answer.redirect_chain == [(f"/reviews/{item.pk}/", 303)]
    assert now(item).status == "approved"
    assert "Decided" in as_shown(answer.content.decode())


def test_with_htmx_the_answer_is_the_item_itself(rita: Client) -> None:
    item = added()
    answer = rita.post(f"/reviews/{item.pk}/decide/", verdict(item), headers=HTMX)
    assert answer.status_code == 200
    assert as_shown(answer.content.decode()).lstrip().startswith('<div id="item"')
    assert answer["HX-Replace-Url"] == f"/reviews/{item.pk}/"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_rejecting_without_feedback_is_refused_beside_the_field_and_reasons_are_kept(
    rita: Client, headers: dict[str, str]
) -> None:
    item = added()
    sent = verdict(item, verdict="reject", feedback="  ")
    answer = rita.post(f"/reviews/{item.pk}/decide/", sent, headers=headers)
    assert answer.status_code == 422
    assert 'id="feedback-error"' in as_shown(answer.content.decode())
    assert now(item).status == "pending"


def test_ready_reasons_are_sent_before_the_own_words(rita: Client) -> None:
    item = added()
    sent = verdict(item, verdict="reject", reason=["Tone", "Too long"], feedback="Be kind.")
    rita.post(f"/reviews/{item.pk}/decide/", sent)
    assert now(item).feedback == "Tone. Too long. Be kind."


def test_a_ready_reason_alone_is_feedback_enough(rita: Client) -> None:
    item = added()
    sent = verdict(item, verdict="reject", reason="Not true", feedback="")
    assert rita.post(f"/reviews/{item.pk}/decide/", sent).status_code == 303
    assert now(item).feedback == "Not true."


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_second_verdict_is_told_who_was_first_and_what_was_typed_is_kept(
    rita: Client, headers: dict[str, str]
) -> None:
    item = added()
    services.approve(item.pk, by=people.person("sam", "Reviewers"))
    sent = verdict(item, verdict="reject", feedback="too late words")
    answer = rita.post(f"/reviews/{item.pk}/decide/", sent, headers=headers)
    assert answer.status_code == 409
    page = as_shown(answer.content.decode())
    assert "sam decided first: approved" in page
    assert "too late words" in page
    assert now(item).status == "approved"


def test_a_second_rejection_without_words_is_told_that_it_came_second(rita: Client) -> None:
    item = added()
    services.approve(item.pk, by=people.person("sam", "Reviewers"))
    sent = verdict(item, verdict="reject")
    assert rita.post(f"/reviews/{item.pk}/decide/", sent).status_code == 409


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_page_that_showed_something_else_is_out_of_date(rita: Client, digest: str) -> None:
    item = added()
    answer = rita.post(f"/reviews/{item.pk}/decide/", verdict(item, digest=digest))
    assert answer.status_code == 412
    assert now(item).status == "pending"


def test_somebody_who_may_only_read_is_refused_with_403_and_the_page() -> None:
    item = added()
    ada = browser(people.person("ada", "Auditors"))
    assert "You cannot decide this one" in as_shown(
        ada.get(f"/reviews/{item.pk}/").content.decode()
    )
    assert ada.post(f"/reviews/{item.pk}/decide/", verdict(item)).status_code == 403
    assert now(item).status == "pending"


def test_an_unknown_verdict_is_refused(rita: Client) -> None:
    item = added()
    sent = verdict(item, verdict="explode")
    assert rita.post(f"/reviews/{item.pk}/decide/", sent).status_code == 422


def test_how_long_the_page_was_open_goes_into_the_log_and_cannot_be_made_up(rita: Client) -> None:
    item, other = added(), added()
    page = as_shown(rita.get(f"/reviews/{item.pk}/").content.decode())
    token = page.partition('name="opened" value="')[2].partition('"')[0]
    rita.post(f"/reviews/{item.pk}/decide/", verdict(item, opened=token))
    rita.post(f"/reviews/{other.pk}/decide/", verdict(other, opened=token))
    looked = [event.payload["looked"] for event in Event.objects.filter(kind="reviews.approved")]
    assert looked[0] is not None
    assert 0 <= looked[0] < 60
    assert looked[1] is None


# ---- Views of the output ---------------------------------------------------------------------


def test_raw_shows_the_text_as_it_is_by_link_and_by_htmx(rita: Client) -> None:
    item = added(content="# Title\n<script>alert(1)</script>")
    address = f"/reviews/{item.pk}/?view=raw"
    page = as_shown(rita.get(address).content.decode())
    assert "# Title\n&lt;script&gt;" in page
    part = as_shown(rita.get(address, headers={**HTMX, "HX-Target": "output"}).content.decode())
    assert part.lstrip().startswith('<div id="output"')
    assert "# Title" in part


def test_a_large_output_shows_its_beginning_with_its_size_and_all_of_it_on_demand(
    rita: Client,
) -> None:
    item = added(content="a" * 10 * 1024 * 1024 + "THE END")
    page = as_shown(rita.get(f"/reviews/{item.pk}/").content.decode())
    assert "Show all 10.0 MB" in page
    assert "THE END" not in page
    whole = as_shown(rita.get(f"/reviews/{item.pk}/?view=rendered&all=1").content.decode())
    assert "THE END" in whole
    assert "Show all" not in whole


def test_a_further_try_shows_what_was_said_and_what_changed_since(rita: Client) -> None:
    first = added(content="One line.")
    services.reject(first.pk, by="rita", feedback="Say two.")
    second = added(content="Two lines.", previous=now(first))
    page = as_shown(rita.get(f"/reviews/{second.pk}/?view=since").content.decode())
    assert "Say two." in page
    assert "2nd try" in page
    assert '<table class="diff">' in page
    assert "Open try 2" in as_shown(rita.get(f"/reviews/{first.pk}/").content.decode())


# ---- Correcting ------------------------------------------------------------------------------


def test_a_correction_is_kept_beside_the_original_with_the_difference(rita: Client) -> None:
    item = added(content="One wrong word.")
    sent = verdict(item, verdict="correct", content="One right word.", feedback="Mind the word.")
    answer = rita.post(f"/reviews/{item.pk}/correct/", sent, follow=True)
    after = now(item)
    assert (after.status, after.content, after.correction) == (
        "corrected",
        "One wrong word.",
        "One right word.",
    )
    page = as_shown(answer.content.decode())
    assert "wrong</del>" in page
    assert "right</ins>" in page


def test_the_preview_shows_the_difference_and_decides_nothing(rita: Client) -> None:
    item = added(content="One wrong word.")
    sent = verdict(item, preview="1", content="One right word.")
    page = as_shown(rita.post(f"/reviews/{item.pk}/correct/", sent).content.decode())
    assert "right</ins>" in page
    assert now(item).status == "pending"


def test_a_correction_that_changes_nothing_is_refused_and_kept(rita: Client) -> None:
    item = added(content="line one\r\nline two\n")
    form = rita.get(f"/reviews/{item.pk}/correct/")
    assert form.status_code == 200
    sent = verdict(item, verdict="correct", content="line one\r\nline two\r\n", feedback="kept?")
    answer = rita.post(f"/reviews/{item.pk}/correct/", sent)
    assert answer.status_code == 422
    page = as_shown(answer.content.decode())
    assert "Nothing is changed" in page
    assert "kept?" in page


def test_a_correction_of_json_must_be_json(rita: Client) -> None:
    item = added(content={"a": [1, 2]}, output_type="json")
    broken = verdict(item, verdict="correct", content='{"a": [1, 2')
    answer = rita.post(f"/reviews/{item.pk}/correct/", broken)
    assert answer.status_code == 422
    assert "This is not JSON" in as_shown(answer.content.decode())
    sent = verdict(item, verdict="correct", content='{"a": [1, 3]}')
    rita.post(f"/reviews/{item.pk}/correct/", sent)
    assert now(item).correction == {"a": [1, 3]}


def test_a_correction_that_comes_second_is_kept_to_be_copied(rita: Client) -> None:
    item = added()
    services.approve(item.pk, by=people.person("sam", "Reviewers"))
    sent = verdict(item, verdict="correct", content="my better text")
    answer = rita.post(f"/reviews/{item.pk}/correct/", sent)
    assert answer.status_code == 409
    assert "my better text" in as_shown(answer.content.decode())


def test_there_is_nothing_to_correct_once_it_is_decided(rita: Client) -> None:
    item = added()
    services.approve(item.pk, by=people.person("sam", "Reviewers"))
    assert rita.get(f"/reviews/{item.pk}/correct/").status_code == 303


def test_an_auditor_gets_no_form_to_correct() -> None:
    ada = browser(people.person("ada", "Auditors"))
    assert ada.get(f"/reviews/{added().pk}/correct/").status_code == 403


# ---- Claims and the queue --------------------------------------------------------------------


def test_claim_and_release_are_buttons_of_the_page(rita: Client) -> None:
    item = added()
    page = as_shown(
        rita.post(f"/reviews/{item.pk}/claim/", {"act": "claim"}, follow=True).content.decode()
    )
    assert "Release" in page
    assert "yours for" in page
    rita.post(f"/reviews/{item.pk}/claim/", {"act": "release"})
    assert now(item).claimed_by is None


def test_a_claim_of_somebody_else_is_told_and_refused_but_stops_no_verdict(rita: Client) -> None:
    item = added()
    claims.claim(item.pk, by=people.person("sam", "Reviewers"))
    assert "sam has this one in hand" in as_shown(rita.get(f"/reviews/{item.pk}/").content.decode())
    assert rita.post(f"/reviews/{item.pk}/claim/", {}).status_code == 409
    assert rita.post(f"/reviews/{item.pk}/decide/", verdict(item)).status_code == 303


def test_the_queue_hands_out_the_oldest_free_item_and_the_same_again(rita: Client) -> None:
    oldest, second, _ = added(), added(), added()
    claims.claim(oldest.pk, by=people.person("sam", "Reviewers"))
    for _again in range(2):
        answer = rita.get("/reviews/queue/")
        assert answer["Location"] == f"/reviews/{second.pk}/?queue=1"
    assert now(second).claimed_by == people.rita()


def test_what_comes_while_the_empty_queue_is_drawn_is_told_by_its_cursor(
    rita: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*args: object, **kwargs: object) -> None:
        added()  # a moment after the look

    monkeypatch.setattr(claims, "take_next", nothing)
    before = Event.objects.newest()
    assert f'data-cursor="{before}"' in rita.get("/reviews/queue/").content.decode()
    assert Event.objects.newest() > before


def test_the_queue_goes_on_and_back_and_lets_go_of_what_was_in_hand(rita: Client) -> None:
    one, two, three = added(), added(), added()
    rita.get("/reviews/queue/")
    assert rita.get(f"/reviews/queue/?after={one.pk}")["Location"].startswith(f"/reviews/{two.pk}/")
    assert now(one).claimed_by is None
    assert rita.get(f"/reviews/queue/?before={two.pk}")["Location"].startswith(
        f"/reviews/{one.pk}/"
    )
    wrapped = rita.get(f"/reviews/queue/?after={three.pk}")["Location"]
    assert wrapped.startswith(f"/reviews/{one.pk}/")


def test_after_a_verdict_in_the_queue_the_next_item_opens(rita: Client) -> None:
    one, two = added(), added()
    rita.get("/reviews/queue/")
    plain = rita.post(f"/reviews/{one.pk}/decide/?queue=1", verdict(one))
    assert plain["Location"] == f"/reviews/queue/?after={one.pk}"
    htmx = rita.post(f"/reviews/{two.pk}/decide/?queue=1", verdict(two), headers=HTMX)
    assert htmx["HX-Redirect"] == f"/reviews/queue/?after={two.pk}"
    assert "Nothing left to review" in as_shown(rita.get("/reviews/queue/").content.decode())


def test_the_queue_keeps_to_its_filter(rita: Client) -> None:
    added()
    wanted = added(output_type="code")
    answer = rita.get("/reviews/queue/?type=code")
    assert answer["Location"] == f"/reviews/{wanted.pk}/?queue=1&type=code"


def test_the_queue_is_for_those_who_review() -> None:
    added()
    ada = browser(people.person("ada", "Auditors"))
    assert ada.get("/reviews/queue/").status_code == 403


def test_what_somebody_asked_for_is_not_handed_out_to_them(rita: Client) -> None:
    added(people.a_run(requester=people.rita()))
    other = added()
    assert rita.get("/reviews/queue/")["Location"].startswith(f"/reviews/{other.pk}/")


# ---- The list --------------------------------------------------------------------------------


def test_the_list_filters_by_type_agent_status_and_text(rita: Client) -> None:
    added(content="about lamps", output_type="code", agent_id="coder")
    approved = added(content="about desks")
    services.approve(approved.pk, by="rita")

    def rows(query: str) -> str:
        return as_shown(rita.get(f"/reviews/?{query}", headers=HTMX).content.decode())

    assert "about lamps" in rows("")
    for query in ("type=newsletter", "agent=reviewed", "status=approved", "q=desks"):
        found = rows(query)
        assert "about desks" in found, query
        assert "about lamps" not in found, query


def test_the_list_reads_no_output_in_full(
    rita: Client, django_assert_max_num_queries: object
) -> None:
    for _ in range(3):
        added()
    page = rita.get("/reviews/")
    assert page.status_code == 200
    for item in page.context["page"].rows:
        assert {"content", "context"} <= item.get_deferred_fields()


def test_the_inbox_has_a_lane_of_what_nobody_waits_for_and_the_menu_counts_it(
    rita: Client,
) -> None:
    added(content="about lamps")
    added(content="about desks")
    page = as_shown(rita.get("/").content.decode())
    lane = page.partition('id="idle"')[2]
    assert lane.index("about lamps") < lane.index("about desks")
    assert "Work through all 2" in page
    assert "Nobody waits" in page
    assert '<span class="count" id="count-reviews">2' in page
    assert '<span class="count" id="count-inbox"></span>' in page


def test_the_filter_of_the_inbox_holds_for_both_lanes(rita: Client) -> None:
    added(content="about lamps")
    assert "about lamps" in as_shown(rita.get("/?q=lamps").content.decode())
    assert "about lamps" not in as_shown(rita.get("/?q=desks").content.decode())
    assert "about lamps" not in as_shown(rita.get("/?risk=high").content.decode())
