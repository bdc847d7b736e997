"""Pages and the live socket, in one process."""

from __future__ import annotations

import os
import sys

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
http = get_asgi_application()  # before anything that imports models

from dashboard.frame.bodies import BoundedBodies  # noqa: E402  (needs the line above)
from dashboard.live.origin import OwnOrigin  # noqa: E402
from dashboard.live.routing import websocket_urlpatterns  # noqa: E402  (needs the line above)

if "daphne.http_protocol" in sys.modules:  # it is what serves this
    from hitl_site.receiving import bound_daphne

    bound_daphne()

application = ProtocolTypeRouter(
    {
        "http": BoundedBodies(http),
        "websocket": OwnOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
