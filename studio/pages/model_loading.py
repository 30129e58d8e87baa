"""*Loading*: what runs when a model is loaded, in words, from how its flavor stores it."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from studio.models import ModelVersion

NATIVE = {
    "catboost": "CatBoost",
    "h2o": "H2O",
    "lightgbm": "LightGBM",
    "onnx": "ONNX",
    "prophet": "Prophet (JSON)",
    "torch.export": "torch.export",
    "xgboost": "XGBoost",
}


class Loading(NamedTuple):
    tone: str
    title: str
    text: str


def loading_of(version: ModelVersion) -> Loading | None:
    """None where nothing loads it."""
    if not version.is_deployable:
        return None
    stored, _plus, code = version.serialization.partition("+")
    said = _stored(stored, ", ".join(version.flavors))
    if not code:
        return said
    brings = _(
        "The model also brings Python files of its own (code), which are imported before it is loaded."
    )
    return Loading(
        "warning",
        said.title if said.tone == "warning" else _("Loading this model runs code"),
        f"{said.text} {brings}",
    )


def _stored(stored: str, flavors: str) -> Loading:
    runs = _("Loading this model runs code")
    trust = _("Deploy it only if you trust who registered it.")
    if stored in ("pickle", "cloudpickle"):
        text = _("It is stored as a pickle (%(how)s): whatever was pickled may run as it is loaded.") % {
            "how": stored
        }
        return Loading("warning", runs, f"{text} {trust}")
    if stored == "skops":
        return Loading(
            "success",
            _("Loading this model does not execute pickled code"),
            _(
                "It is stored with skops, which makes only objects of types that it knows or that the MLmodel file "
                "trusts."
            ),
        )
    if stored in NATIVE:
        return Loading(
            "success",
            _("Loading this model does not execute pickled code"),
            _("It is stored in the format of its own library: %(how)s.") % {"how": NATIVE[stored]},
        )
    sentences = {
        "script": _("It is stored as a Python script, which runs as it is loaded."),
        "own loader": _("A Python module of its own loads it."),
        "keras": _(
            "It is stored in Keras’ own format, not as a pickle; layers of that format may hold code (Lambda)."
        ),
        "tensorflow": _(
            "It is stored in TensorFlow’s own format, not as a pickle; its graph may hold operations that read and "
            "write files."
        ),
        "spacy": _(
            "It is stored in spaCy’s own format; its pipeline may name functions that run as it is loaded."
        ),
        "spark": _("It is stored in Spark’s own format; stages of it may hold pickled Python functions."),
    }
    if stored in sentences:
        return Loading("warning", runs, f"{sentences[stored]} {trust}")
    return Loading(
        "neutral",
        _("Unknown whether loading this model runs code"),
        _(
            "The flavor %(flavors)s does not say how it stores a model, so take it that code may run. %(trust)s"
        )
        % {"flavors": flavors or "python_function", "trust": trust},
    )
