from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0012_kinds_of_datastores")]

    operations = [
        migrations.AddField(
            model_name="dataasset",
            name="archived_at",
            field=models.DateTimeField(null=True, help_text="since when lists and wizards leave it out"),
        )
    ]
