from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0010_class_probabilities")]

    operations = [
        migrations.AlterField(
            model_name="datastore",
            name="kind",
            field=models.CharField(
                choices=[("local", "Local folder"), ("s3", "Amazon S3 or compatible")],
                default="local",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="datastore",
            name="options",
            field=models.JSONField(
                default=dict,
                help_text=(
                    "local: {'root': absolute folder}; "
                    "s3: {'bucket', 'folder', 'endpoint', 'region', 'path_style'}"
                ),
            ),
        ),
        migrations.AddField(
            model_name="datastore",
            name="secrets",
            field=models.TextField(blank=True, default="", help_text="credentials, sealed; see studio.sealing"),
            preserve_default=False,
        ),
    ]
