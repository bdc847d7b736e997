"""Which consumer answers which socket address."""

from __future__ import annotations

from channels.routing import _ExtendedURLPattern

websocket_urlpatterns: list[_ExtendedURLPattern] = []
