"""The admin site: Auditors and Operators may enter, and sign-in is the same as everywhere."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

GROUPS = ("Auditors", "Operators")


class AdminSite(admin.AdminSite):
    """What someone may see or change inside is a matter of their permissions."""

    site_header = site_title = "Human in the loop"
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person may enter: superuser, staff, or in one of the two groups."""
        user = request.user
        if not user.is_active or user.is_anonymous:
            return False
        return bool(
            user.is_superuser or user.is_staff or user.groups.filter(name__in=GROUPS).exists()
        )

    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Send strangers to the one sign-in page, with its second factor and rate limits."""
        target = request.GET.get("next") or reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        if request.user.is_authenticated:
            raise PermissionDenied("Your account does not include the administration.")
        return redirect_to_login(target)
