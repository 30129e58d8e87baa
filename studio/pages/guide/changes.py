"""What is said where something is in use, was deleted, or was changed by somebody else."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("It was deleted meanwhile"),
        [
            "“…” was deleted meanwhile.",
            "There is no data asset “…”; it may have been deleted.",
            "“…” has been deleted already.",
            "The job was deleted meanwhile.",
            "You have discarded this draft in another tab. Begin again.",
            "The datastore “…” was unregistered meanwhile.",
            "The endpoint … was deleted. Create a job on another endpoint.",
        ],
        _("Somebody, or you in another tab, was quicker. Nothing was done twice."),
        _("Go to the list: it shows what is there now."),
        "start",
    ),
    Entry(
        _("The job has not ended"),
        [
            "The job … has not ended. Wait for its end, or cancel it.",
            "The job has not ended. Wait for its end, or cancel it.",
            "… jobs have not ended: …. Wait for their end, or cancel them.",
            "The job … uses it. Wait for its end, or cancel it.",
            "The job … reads it. Wait for its end, or cancel it.",
            "The job is …. Cancel it first, or wait for its end.",
            "The job … retries it and reads its parts. Wait for the end of that one, or cancel it.",
        ],
        _("What a running job needs stays until it has ended."),
        _("Open the job, and wait or press Cancel; then try again."),
        "jobs",
    ),
    Entry(
        _("There is nothing to retry"),
        [
            "The job was canceled, and what it had scored was thrown away. Resubmit it.",
            "All mini-batches completed: rows that could not be scored would fail again. Mend them, and resubmit.",
            "Nothing of this job has failed.",
            "The job failed before its mini-batches were planned. Resubmit it.",
            "None of its rows could be scored, and none would be now. Mend the data, and resubmit.",
            "What the job had scored was kept for 30 days and is gone. Resubmit it.",
            "The cluster … was deleted. Resubmit the job.",
            "A datastore of this job was unregistered. Resubmit the job with another one.",
        ],
        _("Retry failed takes over what is finished and scores what failed; here one of the two is missing."),
        _(
            "Resubmit opens the wizard with the same answers; mend what the sentence names and create it anew."
        ),
        "jobs",
    ),
    Entry(
        _("A log or file of the job is not there"),
        [
            "This job has written no errors.csv.",
            "This job has no log called “…”.",
            "The output files cannot be deleted: …. The job is kept.",
        ],
        _("The job has not written it, or its storage does not let it be deleted."),
        _("Open Outputs + logs: it lists what there is. Press Test access on the datastore’s page."),
        "jobs",
    ),
    Entry(
        _("It is the default"),
        [
            "It is the default deployment. Make another one the default first.",
            "It is the default datastore. Make another one the default first.",
            "It is the default datastore already.",
            "… cannot be the default. …: ….",
        ],
        _("Jobs and uploads that name nothing use the default, so it is not taken away under them."),
        _("Make another one the default, then delete or unregister this one."),
        "endpoints",
    ),
    Entry(
        _("The name that was typed is another"),
        ["This is not its name. Type “…”."],
        _("Deleting asks for the name, so that the right thing goes."),
        _("Type the name exactly as it is written in the dialog."),
        "start",
    ),
    Entry(
        _("The datastore is in use"),
        [
            "The data asset … lies in it, so it stays registered.",
            "A data asset has just been registered in it. Look again.",
        ],
        _("Data assets and running jobs keep their datastore registered."),
        _(
            "Delete the data assets that lie in it first; their files stay. Or leave it registered: it costs nothing."
        ),
        "data",
    ),
    Entry(
        _("A folder or file cannot be read"),
        [
            "The folder “…” of the datastore … cannot be read: ….",
            "The file “…” cannot be read: ….",
            "There is no file “…” in the datastore …; it may have been moved or deleted.",
            "This version has no file “…”; it may have been moved or deleted.",
            "what was read is not what was written",
            "A folder’s name holds no “/” and no “\\”, and is not “.” or “..”.",
        ],
        _("The file was moved or deleted outside of the studio, or its user may not read it."),
        _("Press Test access on the datastore’s page, and browse to the folder to see what is there."),
        "data",
    ),
]
