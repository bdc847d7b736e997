"""Pages list the runs of one agent, however rare it is among many others."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0003_wake_at'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['agent', '-id'], name='run_by_agent'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['agent_id', '-id'], name='run_by_agent_id'),
        ),
    ]
