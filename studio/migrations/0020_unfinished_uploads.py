import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0019_sessions")]

    operations = [
        migrations.CreateModel(
            name="UnfinishedUpload",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("folder", models.TextField()),
                ("until", models.DateTimeField(db_index=True, help_text="when nobody is at it any more")),
                (
                    "datastore",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="studio.datastore",
                    ),
                ),
            ],
        ),
    ]
