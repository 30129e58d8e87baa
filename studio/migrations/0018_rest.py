import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0017_people")]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="paced_until",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="when its requests would be over, evenly spread; see actions.tokens.pace_token",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="request_digest",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="SHA-256 of what the API was asked with this key",
                max_length=64,
            ),
        ),
    ]
