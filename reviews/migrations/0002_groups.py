"""What the three groups may do with outputs under review."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEW = ["reviews.view_reviewitem"]
VIEW_RECORD = [*VIEW, "reviews.view_outputtype", "reviews.view_trylimit"]
GROUPS = {
    "Reviewers": [*VIEW, "reviews.decide_reviewitem"],
    "Auditors": VIEW_RECORD,
    "Operators": [
        *VIEW_RECORD,
        "reviews.add_outputtype",
        "reviews.change_outputtype",
        "reviews.add_trylimit",
        "reviews.change_trylimit",
    ],
}


def grant(apps, schema_editor):
    """Grant to the groups, which the migrations of approvals have made."""
    alias = schema_editor.connection.alias
    config = apps.get_app_config("reviews")
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
        ("reviews", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
