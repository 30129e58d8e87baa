from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0007_runs_of_jobs")]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="instead",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="requirement -> one with which its environment can be built",
            ),
        ),
    ]
