"""What the three groups may do with escalations, thresholds and kept answers."""

from django.db import migrations

from ledger.accounts.groups import granting

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


class Migration(migrations.Migration):
    dependencies = [
        ("escalations", "0002_search"),
        ("approvals", "0002_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [granting(GROUPS, "escalations")]
