"""What registering a model, and changing what MLflow knows of it, says."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("It is no MLflow model"),
        [
            "There is no MLmodel file in the …, so it is no MLflow model. Choose the folder that mlflow.<flavor>.save_model has written.",
            "The MLmodel file lies in “…”. Choose that folder: the model’s own.",
            "The MLmodel file is larger than ….",
            "The MLmodel file names no flavors, so nothing could load the model.",
            "The MLmodel file cannot be read: it is not YAML.",
            "There is no file in the ….",
            "Choose the model’s folder.",
        ],
        _("An MLflow model is a folder with a file MLmodel in it, as mlflow.<flavor>.save_model writes it."),
        _("Choose exactly that folder, or a zip of it; not the folder around it, and not a single pickle."),
        "models",
    ),
    Entry(
        _("The model is too large for an upload"),
        ["The model has …; at most … can be uploaded. Register it from a notebook."],
        _("Uploads through the browser have limits of files and bytes."),
        _(
            "Log it with mlflow from a notebook or script: that goes to MLflow directly and has no such limit."
        ),
        "models",
    ),
    Entry(
        _("MLflow refuses it"),
        [
            "MLflow refuses the files: …",
            "Another worker has taken this registration over.",
            "“…” is not among the files of ….",
            "A model’s name has no “/” and no “:”.",
            "MLflow takes no such name. Use letters, digits, “-”, “_” and “.”.",
            "“…” is no name of a tag: MLflow takes letters, digits, “_ - . / :” and spaces.",
            "“…”: an alias has letters, digits, “_” and “-” only.",
            "MLflow keeps “…” for itself. Choose another.",
        ],
        _("Names of models, tags and aliases follow MLflow’s rules, since it keeps them."),
        _(
            "Choose another name. Where MLflow refuses files, its own words follow; try again when it is back."
        ),
        "models",
    ),
]
