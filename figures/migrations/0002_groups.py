"""Who sees the figures of every reviewer by name: auditors. Everybody else sees their own.

Totals need nothing but the permission to see the pattern.
"""

from django.db import migrations

from ledger.accounts.groups import granting

GROUPS = {"Auditors": ["figures.view_reviewers"]}


class Migration(migrations.Migration):
    dependencies = [
        ("figures", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [granting(GROUPS, "figures")]
