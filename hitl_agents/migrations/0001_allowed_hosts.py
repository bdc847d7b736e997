"""The table of hosts that agents may reach: made, or taken over from the app's old name `agents`.

Versions before 0.2.0 called this app `agents`, which is the import name of a public SDK. Their
table, its content type (with the permissions and the lines of the admin log that point to it)
carry on under the new name; of their record of migrations the next one needs to know the grants.
"""

import hitl_agents.models
from django.db import migrations, models
from django.db.migrations.recorder import MigrationRecorder

OLD, NEW = "agents", "hitl_agents"
MODEL = "allowedhost"
GRANTS = "0002_groups"  # of the old app, and of this one


class CreateOrTakeOver(migrations.CreateModel):
    """Creates the table, unless the old app's is there: then that one gets the new name."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        connection = schema_editor.connection
        if f"{OLD}_{MODEL}" not in connection.introspection.table_names():
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.name)
        schema_editor.alter_db_table(model, f"{OLD}_{MODEL}", f"{NEW}_{MODEL}")
        # Run after the renaming, whose statements PostgreSQL may have put off to the end.
        _rename_content_types(to_state.apps, connection.alias)
        MigrationRecorder(connection).migration_qs.filter(app=OLD).exclude(name=GRANTS).delete()


def _rename_content_types(apps, alias):
    """Permissions and the admin log point to the content type's row, so they come along."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_types.filter(app_label=OLD, model=MODEL).update(app_label=NEW)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        CreateOrTakeOver(
            name='AllowedHost',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(help_text='Such as api.example.org. Exactly this host; others below it need their own row.', max_length=253, unique=True, validators=[hitl_agents.models.check_host])),
                ('allow_private', models.BooleanField(default=False, help_text='Also when the name leads to this machine or into a private network.', verbose_name='may be internal')),
                ('note', models.CharField(blank=True, help_text='Why agents need it.', max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('host',),
            },
        ),
    ]
