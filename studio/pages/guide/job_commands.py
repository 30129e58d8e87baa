"""Sentences of the commands of a job's page: resubmit, retry, delete, and its logs."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = (
    Entry(
        _("A job that cannot be retried"),
        [
            "The job has not ended. Wait for its end, or cancel it.",
            "The job was canceled, and what it had scored was thrown away. Resubmit it.",
            "All mini-batches completed: rows that could not be scored would fail again. Mend them, and resubmit.",
            "Nothing of this job has failed.",
            "The job failed before its mini-batches were planned. Resubmit it.",
            "None of its rows could be scored, and none would be now. Mend the data, and resubmit.",
            "What the job had scored was kept for 30 days and is gone. Resubmit it.",
            "The cluster %(name)s was deleted. Resubmit the job.",
            "A datastore of this job was unregistered. Resubmit the job with another one.",
            "%(count)s of its files has rows that would fail again, more than its error threshold of"
            " %(threshold)s. Resubmit it with a higher one.",
            "%(count)s of its files have rows that would fail again, more than its error threshold of"
            " %(threshold)s. Resubmit it with a higher one.",
        ],
        _(
            "Retry failed takes over what a job has scored and scores the mini-batches that did not complete. Here "
            "nothing is left to take over, or the same would fail again."
        ),
        _("Resubmit it: the wizard opens with the same answers, and reads the data as it is now."),
    ),
    Entry(
        _("A job that cannot be deleted"),
        [
            "The job is %(status)s. Cancel it first, or wait for its end.",
            "The job %(job)s retries it and reads its parts. Wait for the end of that one, or cancel it.",
            "The output files cannot be deleted: %(reason)s. The job is kept.",
            "The data asset %(asset)s reads these files, so they stay.",
            "The job %(job)s, which has not ended, reads or writes here, so they stay.",
        ],
        _("Something still needs the job or its files, or the disk refuses."),
        _(
            "Wait for the job that runs, or cancel it. Files that a data asset reads stay: leave the box unticked."
        ),
    ),
    Entry(
        _("A job that somebody has deleted"),
        ["The job was deleted meanwhile."],
        _(
            "It was deleted in another tab, or by another person. What it wrote may still be in its datastore."
        ),
        _("Look into the folder that it wrote to, or create the job again."),
    ),
    Entry(
        _("A job of an endpoint that was deleted"),
        ["The endpoint %(name)s was deleted. Create a job on another endpoint."],
        _("Jobs outlive their endpoint, but cannot be submitted again without one."),
        _("Create the endpoint again, or a job on another one."),
    ),
    Entry(
        _("A log that is not there"),
        ["This job has no log called “%(path)s”."],
        _("The log belongs to another job, or its node has not begun yet. Logs are kept for 30 days."),
        _("Choose a log in the tree of Outputs + logs."),
    ),
)
