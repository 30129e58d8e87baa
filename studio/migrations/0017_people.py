from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0016_audit")]

    operations = [
        migrations.CreateModel(
            name="SignInAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "name_key",
                    models.CharField(max_length=64, help_text="of the name that was typed, which is not kept"),
                ),
                ("ip", models.GenericIPAddressField(null=True)),
            ],
        ),
    ]
