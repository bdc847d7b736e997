"""The configuration that gives Django's admin our own admin site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Django's admin, with the project's own door."""

    default_site = "hitl_site.admin.AdminSite"
