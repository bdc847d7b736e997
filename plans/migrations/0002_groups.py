"""Who sees plans, and who works on them."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEW = ["plans.view_plan"]
VIEW_RECORD = [
    *VIEW,
    "plans.view_planversion",
    "plans.view_planstep",
    "plans.view_steprun",
    "plans.view_planmessage",
    "plans.view_planturn",
]
GROUPS = {
    "Reviewers": [*VIEW, "plans.decide_plan"],
    "Auditors": VIEW_RECORD,
    "Operators": VIEW_RECORD,
}


def grant(apps, schema_editor):
    """Add to the groups; what an administrator has granted besides stays."""
    alias = schema_editor.connection.alias
    config = apps.get_app_config("plans")
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
        ("plans", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
