from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0003_carry_over")]

    operations = [
        migrations.RemoveIndex(model_name="minibatch", name="minibatch_to_claim"),
        migrations.AddField(
            model_name="job",
            name="files_unscored",
            field=models.PositiveIntegerField(
                db_default=0, help_text="files of completed mini-batches of which nothing could be scored"
            ),
        ),
        migrations.AddField(
            model_name="minibatch",
            name="failed_files",
            field=models.JSONField(default=list, help_text="paths of files that lost rows, or all"),
        ),
        migrations.AddField(
            model_name="minibatch",
            name="files_unscored",
            field=models.PositiveIntegerField(
                db_default=0, help_text="files of a completed mini-batch of which nothing could be scored"
            ),
        ),
        migrations.AlterField(
            model_name="minibatch",
            name="slices",
            field=models.JSONField(
                help_text="scoring.plan.Slice.to_dict() of each, in the order of the plan"
            ),
        ),
        migrations.AddIndex(
            model_name="minibatch",
            index=models.Index(fields=["job", "status", "-bytes", "number"], name="minibatch_to_claim"),
        ),
    ]
