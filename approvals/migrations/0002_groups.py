"""The three groups, with what they may do with runs, the log, gates and requests.

Each app above adds its own permissions to these groups in a migration of its own.
"""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEW = [
    "ledger.view_run",
    "ledger.view_event",
    "approvals.view_approvalrequest",
]
VIEW_RECORD = [
    *VIEW,
    "ledger.view_journalentry",
    "ledger.view_runner",
    "approvals.view_gate",
]
GROUPS = {
    "Reviewers": [*VIEW, "approvals.decide_approvalrequest", "ledger.resolve_run"],
    "Auditors": VIEW_RECORD,
    "Operators": [
        *VIEW_RECORD,
        "approvals.add_gate",
        "approvals.change_gate",
        "ledger.add_run",
        "ledger.cancel_run",
        "ledger.resolve_run",
    ],
}


def make_groups(apps, schema_editor):
    """Make the groups and grant; what an administrator has granted besides stays."""
    alias = schema_editor.connection.alias
    for label in ("ledger", "approvals"):
        # Permissions come after all migrations; these are needed now.
        config = apps.get_app_config(label)
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
        ("approvals", "0001_initial"),
        ("ledger", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
