"""What the files of a logged model say about it."""

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _

from scoring.signature import Signature
from studio.models import ModelVersion

DESCRIPTION = "MLmodel"
ENVIRONMENT_FILES = ("python_env.yaml", "conda.yaml", "requirements.txt")
MOST_FILES = 5000  # of one version that the mirror lists
PYFUNC = "python_function"
YAML = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # a wide signature is a long file, and libyaml ten times as fast


def files_of(uri: str) -> list[dict[str, Any]]:
    """{path, size} of the files at `uri` in the order of their paths, the first thousands of them."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    found = []
    for item in _walk(get_artifact_repository(uri), None):
        found.append({"path": item.path, "size": item.file_size})
        if len(found) == MOST_FILES:
            break
    return sorted(found, key=lambda file: file["path"])


def _walk(place: Any, folder: str | None) -> Iterator[Any]:
    inside = []
    for item in place.list_artifacts(folder):
        if item.is_dir:
            inside.append(item.path)
        else:
            yield item
    for path in inside:
        yield from _walk(place, path)


def sizes_of(files: list[dict[str, Any]]) -> int | None:
    """All of them together, where all are known."""
    sizes = [file["size"] for file in files]
    known = sizes and len(sizes) < MOST_FILES and None not in sizes
    return sum(sizes) if known else None


def texts_of(uri: str, files: list[dict[str, Any]]) -> dict[str, str]:
    """The texts of the small files that describe a logged model."""
    from mlflow.artifacts import download_artifacts

    present = {file["path"] for file in files}
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in (DESCRIPTION, *ENVIRONMENT_FILES):
            if name in present:
                local = download_artifacts(artifact_uri=f"{uri}/{name}", dst_path=folder)
                texts[name] = Path(local).read_text(encoding="utf-8")
    return texts


def describe_files(texts: Mapping[str, str], paths: Collection[str] = ()) -> dict[str, Any]:
    """Fields of a ModelVersion from the texts of its MLmodel and environment files, and the `paths` of all files."""
    if DESCRIPTION not in texts:
        return {
            "type": ModelVersion.Type.CUSTOM,
            "why_custom": _("It has no MLmodel file: it was not logged with MLflow."),
            "size": None,
        }
    described = yaml.load(texts[DESCRIPTION], Loader=YAML) or {}  # noqa: S506 - a safe loader, in C where it is there
    flavors = described.get("flavors") or {}
    pyfunc = flavors.get(PYFUNC)
    signature, size = described.get("signature"), described.get("model_size_bytes")
    return {
        "type": ModelVersion.Type.MLFLOW if pyfunc else ModelVersion.Type.CUSTOM,
        "why_custom": ""
        if pyfunc
        else _(
            "It has no python_function flavor, so it cannot be scored without code. Log it with a flavor that "
            "has one, or wrap it in mlflow.pyfunc.PythonModel."
        ),
        "flavors": [name for name in flavors if name != PYFUNC],
        "signature": _signature(signature) if signature else None,
        "environment_files": {name: text for name, text in texts.items() if name != DESCRIPTION},
        "python_version": str((pyfunc or {}).get("python_version", ""))[:20],
        "mlflow_version": str(described.get("mlflow_version", ""))[:40],
        "has_input_example": bool(described.get("saved_input_example_info")),
        "size": size if isinstance(size, int) else None,
        "serialization": serialization_of(flavors, paths),
    }


def _signature(given: Mapping[str, Any]) -> dict[str, Any]:
    """With the parameters that a page shows; the engine scores with their defaults and knows none."""
    params = json.loads(given.get("params") or "[]")
    return {**Signature.from_mlmodel(given).to_dict(), "params": params}


def serialization_of(flavors: Mapping[str, Any], paths: Collection[str] = ()) -> str:
    """How python_function's loader finds the model object stored, as MLflow's flavors write it; "" where they
    do not say. `+code` where the model brings Python files of its own, which are imported before it is loaded."""
    pyfunc = flavors.get(PYFUNC)
    if not isinstance(pyfunc, Mapping):
        return ""
    loader = str(pyfunc.get("loader_module", ""))
    name = loader.removeprefix("mlflow.").split(".")[0]
    flavor = flavors.get(name)
    stored = _stored(loader, name, pyfunc, flavor if isinstance(flavor, Mapping) else {})
    if stored == "torch":  # its flavor does not tell an exported graph from a pickle; the files do
        stored = "torch.export" if any(path.endswith(".pt2") for path in paths) else "pickle"
    return f"{stored}+code" if pyfunc.get("code") else stored


def _stored(loader: str, name: str, pyfunc: Mapping[str, Any], flavor: Mapping[str, Any]) -> str:
    if pyfunc.get("model_code_path"):
        return "script"
    if loader == "mlflow.pyfunc.model":
        return "cloudpickle"
    if not loader.startswith("mlflow."):
        return "own loader"
    if name == "sklearn":  # before MLflow wrote the format, there was only pickle
        return _known(str(flavor.get("serialization_format", "pickle")))
    if name == "lightgbm":  # a Booster has its own text format; the rest is scikit-learn's way
        is_pickled = str(flavor.get("data", pyfunc.get("data", ""))).endswith((".pkl", ".skops"))
        return _known(str(flavor.get("serialization_format", "cloudpickle"))) if is_pickled else "lightgbm"
    return OF_FLAVOR.get(name, "")


def _known(format: str) -> str:
    return format if format in ("pickle", "cloudpickle", "skops") else ""


# How the flavors of MLflow 2 and 3 that have one way only store their models.
OF_FLAVOR = {
    "catboost": "catboost",
    "h2o": "h2o",
    "keras": "keras",
    "onnx": "onnx",
    "paddle": "pickle",
    "pmdarima": "pickle",
    "prophet": "prophet",
    "pytorch": "torch",
    "shap": "cloudpickle",
    "spacy": "spacy",
    "spark": "spark",
    "statsmodels": "pickle",
    "tensorflow": "tensorflow",
    "xgboost": "xgboost",
}
