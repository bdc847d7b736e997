"""Signing in and out by the form, with JavaScript and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn
from tests.support.browser.site import PASSWORD, Site

pytestmark = pytest.mark.page_only


@pytest.mark.parametrize("javascript", [True, False])
def test_the_form_lets_in_whoever_knows_the_password(
    site: Site, browse: SignIn, javascript: bool
) -> None:
    page = browse(f"{site.url}/", java_script_enabled=javascript)
    page.get_by_label("User name").fill("rita")
    page.get_by_label("Password").fill("no idea")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("main")).to_contain_text("not correct")
    page.get_by_label("User name").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")
    expect(page.locator("#requests")).to_be_attached()
