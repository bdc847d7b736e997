"""Only our own pages may open the socket: a browser says where a page is from, and cookies do not."""

from __future__ import annotations

import logging
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import split_domain_port, validate_host

log = logging.getLogger(__name__)

App = Any  # an ASGI application: channels and Django describe them differently


class OwnOrigin:
    """Passes a socket on whose Origin is the page's own: scheme, host and port, as for a form.

    Like a form's, it may also be one of CSRF_TRUSTED_ORIGINS.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if is_own(scope):
            return await self.app(scope, receive, send)
        return await refuse(scope, receive, send)


class Refusal(AsyncWebsocketConsumer):
    """Closes before it accepts, which is answered as 403."""

    async def connect(self) -> None:
        """Say no."""
        await self.close()


refuse: App = Refusal.as_asgi()


def is_own(scope: dict[str, Any]) -> bool:
    """Whether the Origin of a socket's request is that of a page of ours. Says in the log if not."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin, own = headers.get(b"origin", ""), _own(scope, headers)
    if own and origin.lower() in (own, *settings.CSRF_TRUSTED_ORIGINS):
        return True
    log.warning("A socket was refused: its Origin is %r, and this is %r.", origin[:200], own)
    return False


def _own(scope: dict[str, Any], headers: dict[bytes, str]) -> str:
    """Where our pages are from, as this request was addressed; "" for a host that is not ours."""
    host = headers.get(b"host", "").lower()
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return ""
    return f"{'https' if _is_secure(scope, headers) else 'http'}://{host}"


def _is_secure(scope: dict[str, Any], headers: dict[bytes, str]) -> bool:
    """Whether it came by HTTPS, as Django finds it out: by what the proxy says, if one is told of."""
    told: tuple[str, str] | None = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    name, secure = told or ("", "")
    said = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode())
    if said is None:
        return scope.get("scheme") in ("https", "wss")
    return said.split(",")[0].strip() == secure
