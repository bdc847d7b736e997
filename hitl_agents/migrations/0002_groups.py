"""Operators edit the hosts that agents may reach; Auditors see them."""

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

from ledger.accounts.groups import grant

VIEW = "hitl_agents.view_allowedhost"
GROUPS = {
    "Auditors": [VIEW],
    "Operators": [
        VIEW,
        "hitl_agents.add_allowedhost",
        "hitl_agents.change_allowedhost",
        "hitl_agents.delete_allowedhost",
    ],
}


def grant_once(apps, schema_editor):
    """Grant, but not where the app did so under its old name: an administrator may have taken it back."""
    recorder = MigrationRecorder(schema_editor.connection)
    granted_before, _ = recorder.migration_qs.filter(app="agents", name="0002_groups").delete()
    if not granted_before:
        grant(GROUPS, ["hitl_agents"], apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("hitl_agents", "0001_allowed_hosts"),
        ("approvals", "0002_groups"),
    ]
    operations = [migrations.RunPython(grant_once, migrations.RunPython.noop)]
