"""What forms say."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("A data asset cannot be made like this"),
        [
            "The type “File” takes one file. Choose the type “Folder” (uri_folder) for several.",
            "Two of the files have the same name. Rename one.",
            "“%(name)s” exists and is of the other type. Choose another name or type.",
            "“%(name)s” exists and is of the other type. Choose another name.",
            "Somebody registered this name just now. Try again.",
            "This is a folder. Choose the type “Folder” (uri_folder), or give the path of a file.",
            "Use letters, digits, “-”, “_” and “.”, with a letter or digit first.",
            "Give the path of a file or folder.",
            "Choose at least one file.",
        ],
        _(
            "A data asset is one file (uri_file) or one folder (uri_folder), and keeps its type over its versions."
        ),
        _("Choose the type Folder for several files; take another name where the type must change."),
        "data",
    ),
    Entry(
        _("A data asset is archived"),
        ["“%(name)s” is archived. Restore it on its page, or choose another name."],
        _(
            "Lists and wizards leave it out, and it takes no new versions. Its files and jobs are as they were."
        ),
        _("Find it under Data, Show archived ones, and restore it; or take another name."),
        "data",
    ),
    Entry(
        _("The files cannot be stored"),
        ["The files cannot be stored: %(reason)s. Nothing was registered."],
        _("The default datastore refused the upload: its disk is full, read-only or not permitted."),
        _("Press Test access on the datastore’s page. Nothing half-written was kept."),
        "data",
    ),
    Entry(
        _("The job wizard misses an answer"),
        [
            "Choose a data asset, or “Datastore” to give a path.",
            "That is a version of another data asset. Choose one of this one’s versions.",
            "Choose where the predictions are written.",
            "Fill this in, or turn the output configuration off.",
            "The input is no longer there. Choose another one.",
        ],
        _("Something is not filled in, or what was chosen has been deleted since."),
        _("Go back to the step that the review names; every other answer is kept."),
        "jobs",
    ),
    Entry(
        _("A setting is out of its range"),
        [
            "Ensure this value is less than or equal to %(limit_value)s.",
            "Ensure this value is greater than or equal to %(limit_value)s.",
            "Enter a whole number.",
        ],
        _("Settings have the ranges of Azure’s batch deployments."),
        _("The hint below the field says its range and what it means."),
        "endpoints",
    ),
    Entry(
        _("Tags are written one per line"),
        [
            "“%(line)s” is not name=value.",
            "Names hold no “=”, and neither names nor values hold line breaks or begin or end with a space.",
        ],
        _("A tag, or an environment variable, is a name and a value with = between them."),
        _("Write one per line, such as team=credit."),
        "start",
    ),
    Entry(
        _("A pass-through column is no name"),
        ["The name of a column is not empty and holds no line break."],
        _(
            "A program gave the columns that are copied beside the predictions, and one of them can be none of a file."
        ),
        _("Give each column as the file’s header has it."),
        "endpoints",
    ),
    Entry(
        _("The time zone is not known"),
        ["“%(name)s” is not a time zone. Choose one of the list, such as Europe/Berlin."],
        _("Time zones have names of a region and a city."),
        _("Type the name of a large city nearby and choose from the list; empty means that of the browser."),
        "start",
    ),
]
