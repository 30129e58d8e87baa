"""What the conda part of a model's environment means to pip."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# What conda installs beside a model's packages and what the environment has anyway.
_OWN = {"pip", "setuptools", "wheel"}
# Packages that pip knows by the same name.
_SAME = {
    "bokeh", "catboost", "category-encoders", "cloudpickle", "cython", "dask", "dill", "fastai", "fastparquet",
    "flask", "gensim", "holidays", "imbalanced-learn", "importlib-metadata", "interpret", "joblib",
    "jinja2", "keras", "lightgbm", "matplotlib", "mlflow", "mlflow-skinny", "networkx", "nltk", "numba", "numexpr",
    "numpy", "onnx", "onnxruntime", "packaging", "pandas", "pillow", "plotly", "pmdarima", "polars", "prophet",
    "protobuf", "psutil", "pyarrow", "pydantic", "python-dateutil", "pytorch-lightning", "pytz", "pyyaml",
    "requests", "scikit-image",
    "scikit-learn", "scipy", "seaborn", "sentence-transformers", "shap", "six", "skops", "spacy", "sqlalchemy",
    "statsmodels", "sympy", "tensorflow", "tensorflow-cpu", "threadpoolctl", "tokenizers", "torchvision", "tqdm",
    "transformers", "typing-extensions", "xgboost", "xlrd",
}  # fmt: skip
# Packages that pip has under another name.
_RENAMED = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
# "channel::name version build", "name=version=build", "name>=1,<2", "name[version='>=1']"
_ENTRY = re.compile(
    r"(?:\S+::)?(?P<name>[\w.-]+)\s*(?:\[version=['\"]?(?P<bracketed>[^'\"\]]*)['\"]?\])?(?P<rest>.*)"
)
_BOUNDS = re.compile(r"((==|!=|>=|<=|~=|>|<)[\w.*!+]+,?)*")


class CondaPart(NamedTuple):
    python: str
    packages: list[str]  # as pip writes them
    pip: list[str]
    notes: list[str]


def read_conda(content: Mapping[str, Any]) -> CondaPart:
    """From the document of a conda.yaml; what pip does not have is left out with a note."""
    found = CondaPart("", [], [], [])
    for entry in content.get("dependencies") or []:
        if isinstance(entry, Mapping):
            found.pip.extend(str(line) for line in entry.get("pip") or [])
            continue
        name, specifier = _parsed(str(entry))
        if name == "python":
            version = re.search(r"\d+(\.\d+)*", specifier)
            found = found._replace(python=version[0] if version else "")
        elif name in _SAME or name in _RENAMED:
            found.packages.append(_RENAMED.get(name, name) + specifier)
        elif name not in _OWN:
            found.notes.append(
                f"{entry} is a conda package; it is left out unless pip packages bring it along."
            )
    return found


def _parsed(entry: str) -> tuple[str, str]:
    """The name as pip normalizes it, and the versions as pip writes them."""
    match = _ENTRY.fullmatch(entry.strip())
    if not match:
        return entry, ""
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    return name, _specifier((match["bracketed"] or match["rest"]).strip())


def _specifier(said: str) -> str:
    exactly = re.fullmatch(r"(={0,2})\s*([\w.*!+]+)(?:[=\s]+[\w.*]+)?", said)
    if not exactly:
        # Bounds read alike in both; what pip cannot say (1.2|1.3) is left open.
        bounds = re.sub(r"\s+", "", said)
        return bounds if _BOUNDS.fullmatch(bounds) else ""
    operator, version = exactly.groups()
    # One = takes any version that begins so: of 1.21 any 1.21.x.
    shortened = operator != "==" and version.count(".") < 2 and not version.endswith("*")
    return f"=={version}.*" if shortened else f"=={version}"
