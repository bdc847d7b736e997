"""Addresses of the sockets, each with its consumer."""

from __future__ import annotations

from typing import Any

from django.urls import path

from dashboard.live.consumers import LiveConsumer

live: Any = LiveConsumer.as_asgi()  # path() is annotated for pages only
websocket_urlpatterns = [path("ws/live/", live)]
