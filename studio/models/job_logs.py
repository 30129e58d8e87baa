from django.db import models

from studio.models.jobs import Job


class JobLogQuerySet(models.QuerySet["JobLog"]):
    def for_tree(self) -> "JobLogQuerySet":
        return self.defer("text")


class JobLog(models.Model):
    """The end of what one process of a job has said, kept where the pages find it while it still runs."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="logs")
    path = models.CharField(max_length=300, help_text="as in logs/user/stdout/<node>/process001.stdout.txt")
    text = models.TextField(blank=True)
    size = models.BigIntegerField(default=0, help_text="bytes of the whole log; text holds the last of them")
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    objects = JobLogQuerySet.as_manager()

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["job", "path"], name="one_row_per_job_log")]

    def __str__(self) -> str:
        return self.path
