"""Pages alone, for a WSGI server beside Daphne where one process is not enough."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
application = get_wsgi_application()
