from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0008_instead")]

    operations = [
        migrations.AddField(
            model_name="node",
            name="unfenced",
            field=models.JSONField(
                default=list, help_text="what its kernel cannot keep scorers from, as phrases"
            ),
        ),
    ]
