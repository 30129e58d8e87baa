from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0009_fences_of_nodes")]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="offers_probabilities",
            field=models.BooleanField(
                null=True, help_text="whether its trial found class probabilities; null: not looked for"
            ),
        ),
        migrations.AlterField(
            model_name="minibatch",
            name="report",
            field=models.JSONField(null=True, help_text="scoring.reports.ScoreReport.to_dict()"),
        ),
    ]
