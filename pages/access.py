"""Access to pages, and the way of strangers to sign in. Each pattern's rules say who may decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

P = ParamSpec("P")


class HtmxHttpRequest(HttpRequest):
    """A request of somebody who is signed in, with what htmx says about it."""

    htmx: HtmxDetails
    user: User


View = Callable[Concatenate[HtmxHttpRequest, P], HttpResponse]


def needs(permission: str, reason: str) -> Callable[[View[P]], View[P]]:
    """Strangers to the sign-in page and back; 403 with `reason`, no more, without permission.

    "" asks for no permission beyond being signed in.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def answer(request: HtmxHttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if is_stranger(request):
                return _sign_in(request)
            if permission and not request.user.has_perm(permission):
                raise PermissionDenied(reason)
            response = view(request, *args, **kwargs)
            # One address answers with a page or a part of it; a cache must not mix them.
            patch_vary_headers(response, ["HX-Request"])
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answer

    return decorate


def is_stranger(request: HttpRequest) -> bool:
    """Whether nobody is signed in."""
    return not request.user.is_authenticated


def _sign_in(request: HtmxHttpRequest) -> HttpResponse:
    """To the sign-in page, and from there to the page that a GET can show."""
    if request.htmx:
        page = urlsplit(request.htmx.current_url or "")
        back = page.path + (f"?{page.query}" if page.query else "") or "/"
        return HttpResponseClientRedirect(redirect_to_login(back).url)
    here = request.get_full_path()
    if request.method not in ("GET", "HEAD"):
        here = request.path.rstrip("/").rpartition("/")[0] + "/"  # the page that has the form
    return redirect_to_login(here)


def wants_part(request: HtmxHttpRequest) -> bool:
    """Whether htmx asks for a part of the page, and not for a page to restore from history."""
    return bool(
        request.htmx and not request.htmx.boosted and not request.htmx.history_restore_request
    )


def for_members(view: View[P]) -> View[P]:
    """As needs(), for pages that say themselves what each person may see on them."""
    return needs("", "")(view)
