"""What the three groups may do with outputs under review."""

from django.db import migrations

from ledger.accounts.groups import granting

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


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [granting(GROUPS, "reviews")]
