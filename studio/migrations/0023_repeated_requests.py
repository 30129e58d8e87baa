from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0022_no_second_sessions")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="repeated_requests",
            field=models.JSONField(
                help_text="that datastores throttled or broke off: name -> cause -> times; null: none", null=True
            ),
        ),
    ]
