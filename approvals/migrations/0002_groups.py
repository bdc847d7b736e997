"""The three groups, with what they may do with runs, the log, gates and requests.

Each app above adds its own permissions to these groups in a migration of its own.
"""

from django.db import migrations

from ledger.accounts.groups import granting

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


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0001_initial"),
        ("ledger", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [granting(GROUPS, "ledger", "approvals")]
