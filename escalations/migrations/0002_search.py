"""The index of kept answers: a table of FTS5 on SQLite, a column with a GIN index on PostgreSQL."""

from django.db import migrations

SQLITE = (
    "CREATE VIRTUAL TABLE escalations_search USING fts5("
    "agent, question, tokenize = 'unicode61 remove_diacritics 2')"
)
POSTGRES = (
    "ALTER TABLE escalations_knowledge ADD COLUMN search tsvector",
    "CREATE INDEX knowledge_search ON escalations_knowledge USING gin (search)",
)


def make(apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES if on_postgres else (SQLITE,):
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE escalations_knowledge DROP COLUMN search")
    else:
        schema_editor.execute("DROP TABLE escalations_search")


class Migration(migrations.Migration):
    dependencies = [("escalations", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
