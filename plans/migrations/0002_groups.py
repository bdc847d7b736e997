"""Who sees plans, and who works on them."""

from django.db import migrations

from ledger.accounts.groups import granting

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


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [granting(GROUPS, "plans")]
