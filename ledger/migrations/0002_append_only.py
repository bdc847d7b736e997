"""The database refuses to change a line of the log.

Against DELETE and TRUNCATE, ledger.log.guards.install() has triggers of its own: in a migration they
would break the flush between Django's tests.
"""

from django.db import migrations

TRIGGERS = {
    "sqlite": ["ledger_event_no_update", "ledger_event_no_replace"],
    "postgresql": ["ledger_event_no_update"],
}


def protect(apps, schema_editor):
    from ledger.log import guards

    with schema_editor.connection.cursor() as cursor:
        for name in TRIGGERS[schema_editor.connection.vendor]:
            guards.create(cursor, schema_editor.connection.vendor, name)


def unprotect(apps, schema_editor):
    from ledger.log import guards

    with schema_editor.connection.cursor() as cursor:
        for name in guards.list_triggers(schema_editor.connection.vendor):
            guards.drop(cursor, schema_editor.connection.vendor, name)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.AlterModelOptions(
            name="event",
            options={"base_manager_name": "objects", "ordering": ["id"]},
        ),
        migrations.RunPython(protect, unprotect),
    ]
