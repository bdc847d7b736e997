"""What the three groups may do with escalations, thresholds and kept answers."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

RECORD = [
    "escalations.view_escalation",
    "escalations.view_threshold",
    "escalations.view_knowledge",
]
GROUPS = {
    "Reviewers": ["escalations.view_escalation", "escalations.answer_escalation"],
    "Auditors": RECORD,
    "Operators": [
        *RECORD,
        "escalations.add_threshold",
        "escalations.change_threshold",
        "escalations.delete_threshold",
        "escalations.change_knowledge",
    ],
}


def grant(apps, schema_editor):
    """Grant; what an administrator has granted besides stays."""
    alias = schema_editor.connection.alias
    # Permissions come after all migrations; these are needed now.
    config = apps.get_app_config("escalations")
    kept, config.models_module = getattr(config, "models_module", None), True
    create_permissions(config, apps=apps, verbosity=0, using=alias)
    config.models_module = kept
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for name, granted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        for permission in granted:
            label, codename = permission.split(".")
            found = permissions.get(content_type__app_label=label, codename=codename)
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("escalations", "0002_search"),
        ("approvals", "0002_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
