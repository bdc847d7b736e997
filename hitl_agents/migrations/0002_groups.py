"""Operators edit the hosts that agents may reach; Auditors see them."""

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

GROUPS = {
    "Auditors": ["view"],
    "Operators": ["view", "add", "change", "delete"],
}


def grant(apps, schema_editor):
    """Add to the groups; what an administrator has granted besides stays.

    Nothing where the app granted it under its old name: an administrator may have taken it back.
    """
    alias = schema_editor.connection.alias
    recorder = MigrationRecorder(schema_editor.connection)
    granted_before, _ = recorder.migration_qs.filter(app="agents", name="0002_groups").delete()
    if granted_before:
        return
    config = apps.get_app_config("hitl_agents")
    # Permissions come after all migrations; these are needed now.
    kept, config.models_module = getattr(config, "models_module", None), True
    create_permissions(config, apps=apps, verbosity=0, using=alias)
    config.models_module = kept
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for name, verbs in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        group.permissions.add(
            *permissions.filter(
                content_type__app_label="hitl_agents",
                codename__in=[f"{verb}_allowedhost" for verb in verbs],
            )
        )


class Migration(migrations.Migration):
    dependencies = [
        ("hitl_agents", "0001_allowed_hosts"),
        ("approvals", "0002_groups"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
