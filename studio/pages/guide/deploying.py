"""What a model, an endpoint or a deployment says."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("The environment cannot be built"),
        [
            "The environment cannot be built: …",
            "The environment cannot be built: … no wheel for Python ….",
            "… No version of … has one.",
            "Other packages are proposed by now. Look at them again.",
        ],
        _(
            "The packages that the model pins cannot be installed together: one does not exist for this Python, two "
            "contradict each other, or the package index does not answer. The installer’s own words follow the colon."
        ),
        _(
            "Where versions near by can be installed, the deployment names them: Retry with them, and compare "
            "the predictions. Otherwise read the deployment’s log, then add a deployment with Customise on its "
            "Environment step and change the pin, or log the model again from an environment that installs. Retry "
            "when the index was away."
        ),
        "environments",
    ),
    Entry(
        _("No fitting Python"),
        [
            "No Python can be found on this machine.",
            "Python … is not on this machine, and no other one either.",
            "Python … is not on this machine; Python … is used instead.",
            "… is not a Python version the studio can use; give one like 3.11.",
        ],
        _("The model names the Python it was logged with. The nearest one of the node’s machine is used."),
        _("Install that Python on the machine of the node, or choose another version in Customise."),
        "environments",
    ),
    Entry(
        _("A requirement is refused"),
        [
            "The requirement '…' is refused: … are not allowed, only packages.",
            "The requirement '…' is refused: packages come from the configured index only, not from addresses, files or version control. Name a published version of the package.",
            "The requirement '…' is not understood; write it like pandas==2.2.3.",
            "The model's … cannot be read: …. Log the model again.",
            "The model's … does not hold what MLflow writes there. Log the model again.",
        ],
        _("Environments are built from names and versions of packages alone, so nobody can smuggle in code."),
        _("Publish your package to your index and pin its version, then log the model with that pin."),
        "environments",
    ),
    Entry(
        _("The model’s files cannot be fetched"),
        [
            "The files of … cannot be fetched from MLflow: …",
            "The files of this version cannot be read: %(reason)s",
            "What its files say cannot be stored: %(reason)s",
        ],
        _("MLflow knows the version, but its artifact store does not give the files."),
        _(
            "Open the version in MLflow and look at its artifacts. When they are gone, log the model again; when the "
            "store was away, press Retry."
        ),
        "models",
    ),
    Entry(
        _("This model cannot be deployed"),
        [
            "This model has no python_function flavor and cannot be deployed.",
            "It has no MLmodel file: it was not logged with MLflow.",
            "It has no python_function flavor, so it cannot be scored without code. Log it with a flavor that has one, or wrap it in mlflow.pyfunc.PythonModel.",
        ],
        _(
            "Scoring without code works with MLflow’s python_function flavor, as in Azure. Models of type CUSTOM "
            "have none."
        ),
        _("Log the model with mlflow.<library>.log_model, or wrap it in mlflow.pyfunc.PythonModel."),
        "models",
    ),
    Entry(
        _("The model changed in MLflow"),
        [
            "The model %(model)s was deleted in MLflow and registered again since. Deploy it again.",
            "This model version is no longer in the registry. Choose another one.",
            "The chosen model version is no longer in the registry. Choose another one.",
            "The model “%(name)s” has no version yet. One that is being registered shows up in seconds: look again.",
        ],
        _(
            "MLflow’s registry is the only truth about models, and this version is not the one that was tried."
        ),
        _("Choose a version that is there now and deploy it; its trial makes sure that it scores."),
        "models",
    ),
    Entry(
        _("A deployment is not ready"),
        [
            "The deployment “%(name)s” is %(status)s. Only one that has succeeded can be the default.",
            "The deployment “%(name)s” is %(status)s and cannot score. Choose one that has succeeded.",
            "This endpoint has no deployment that has succeeded. Add one, or wait until it is ready.",
            "No deployment of this endpoint has succeeded yet.",
            "Only a deployment that has failed can be tried again.",
        ],
        _(
            "A deployment is Creating until its environment is built and its model has been loaded and has scored "
            "its example. Only then can jobs use it."
        ),
        _(
            "Open it: its log shows how far it is. When it has failed, its first sentence says why; then Retry."
        ),
        "endpoints",
    ),
    Entry(
        _("The name is taken or not allowed"),
        [
            "An endpoint with this name exists. Choose another name.",
            "An endpoint with this name exists. Choose another name, or “Existing”.",
            "This endpoint has a deployment with this name. Choose another name.",
            "Use 3 to 32 characters: a letter first, then letters, digits and single dashes, with a letter or digit at the end.",
        ],
        _(
            "Azure’s rule: 3 to 32 characters, a letter first, letters, digits and single dashes, all lower case."
        ),
        _("Choose another name. To add a second model under the same name, choose “Existing” in the wizard."),
        "endpoints",
    ),
    Entry(
        _("The endpoint is gone"),
        ["This endpoint is no longer there. Choose another one.", "Choose an endpoint, or create a new one."],
        _("It was deleted while the wizard was open. Its jobs are still on the Jobs page."),
        _("Choose another endpoint, or “New” in the wizard’s first step."),
        "endpoints",
    ),
]
