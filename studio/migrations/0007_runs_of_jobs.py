from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("studio", "0006_models_that_need_whole_files")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="mlflow_run_id",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="job",
            name="run_due_at",
            field=models.DateTimeField(
                help_text="when it is to be logged as an MLflow run next; null: it is, or it will not be", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=Q(("run_due_at__isnull", False)), fields=["run_due_at"], name="job_run_due"
            ),
        ),
    ]
