from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("studio", "0020_unfinished_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="profile",
            name="language",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="one of LANGUAGES; empty: that of the browser",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="profile",
            name="notices",
            field=models.CharField(
                choices=[
                    ("all", "When it completes or fails"),
                    ("failures", "Only when it fails or loses files"),
                    ("off", "Never"),
                ],
                db_default="all",
                default="all",
                help_text="of jobs of theirs that end",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="profile",
            name="tells_browser",
            field=models.BooleanField(
                db_default=False, default=False, help_text="by the browser’s own notifications, too"
            ),
        ),
        migrations.AddField(
            model_name="profile",
            name="seen_at",
            field=models.DateTimeField(help_text="when they last looked at their notices", null=True),
        ),
        migrations.AddField(
            model_name="profile",
            name="password_is_given",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="each start of the studio sets their password again",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["created_by", "-finished_at"],
                name="job_ended_of_person",
            ),
        ),
    ]
