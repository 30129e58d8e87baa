from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0005_slices_of_old_jobs")]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="is_divisible",
            field=models.BooleanField(
                null=True, help_text="whether the model scores halves of a table as the whole; null: not tried"
            ),
        ),
    ]
