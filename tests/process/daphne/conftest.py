"""One running installation for all tests of Daphne."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser.site import Site
from tests.support.installation import Installation, installed


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, migrated: Installation) -> Iterator[Site]:
    with installed(tmp_path_factory.mktemp("daphne") / "data", like=migrated) as place:
        yield Site(place)
