"""Who sees the figures of every reviewer by name: auditors. Everybody else sees their own.

Totals need nothing but the permission to see the pattern.
"""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GROUPS = {"Auditors": ["figures.view_reviewers"]}


def grant(apps, schema_editor):
    """Grant; what an administrator has granted besides stays."""
    alias = schema_editor.connection.alias
    config = apps.get_app_config("figures")
    # Permissions come after all migrations; these are needed now.
    kept, config.models_module = getattr(config, "models_module", None), True
    create_permissions(config, apps=apps, verbosity=0, using=alias)
    config.models_module = kept
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for name, granted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        for permission in granted:
            label, codename = permission.split(".")
            group.permissions.add(
                permissions.get(content_type__app_label=label, codename=codename)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("figures", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
