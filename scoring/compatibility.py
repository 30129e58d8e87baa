"""Which newer packages old ones do not work with although their own metadata lets them.

Each line was seen to fail where the cap is left out, or is what the package's makers say.
"""

import re
from collections.abc import Mapping

Version = tuple[float, ...]
ANY: Version = (float("inf"),)
MLFLOW = ("mlflow", "mlflow-skinny")

# (package, its first version that needs no cap, the caps)
_CAPS: tuple[tuple[str, Version, dict[str, str]], ...] = (
    ("mlflow", (1, 28), {"numpy": "<1.24", "protobuf": "<4"}),
    ("mlflow", (2,), {"numpy": "<2", "pandas": "<2"}),
    ("mlflow", (2, 15), {"setuptools": "<81"}),  # it imports pkg_resources
    ("mlflow", (3,), {"pandas": "<3"}),
    ("pandas", (2, 1), {"numpy": "<2"}),
    ("scikit-learn", (1, 4), {"numpy": "<2"}),
    ("catboost", (1, 2, 6), {"numpy": "<2"}),
    ("lightgbm", (4, 6), {"scikit-learn": "<1.6", "pandas": "<3"}),
    ("statsmodels", (0, 14, 2), {"numpy": "<2"}),
    ("statsmodels", (0, 14, 5), {"scipy": "<1.16", "pandas": "<3"}),
    ("prophet", (1, 1, 6), {"numpy": "<2", "pandas": "<3"}),
    ("prophet", (1, 1, 8), {"cmdstanpy": "<1.3"}),
    ("torch", (2, 3), {"numpy": "<2"}),
    ("xgboost", (1, 7), {"setuptools": "<81"}),  # it uses pkg_resources
)
# It says so itself only as it is imported; these bind numpy below 2 by their own metadata.
_PYARROW_FOR_OLD_NUMPY = "<26"
_BOUND_TO_OLD_NUMPY: dict[str, Version] = {"mlflow": (3,), "numpy": (2,), "tensorflow": (2, 18)}


def caps(specifiers: Mapping[str, str], *, logged_with: str = "") -> dict[str, str]:
    """Package to the specifier it needs, from what is required and the MLflow that logged the model.

    `specifiers` has each required package's versions, empty where they are left open.
    """
    newest = {name: newest_allowed(specifier) for name, specifier in specifiers.items()}
    newest["mlflow"] = min(newest.get(name, ANY) for name in MLFLOW)
    found: dict[str, str] = {}
    if newest["mlflow"] == ANY and logged_with:
        # An old model is loaded with the last MLflow before 3, which needs none of the caps of the oldest ones.
        newest["mlflow"] = max(newest_allowed(f"=={logged_with}"), (1, 28))
        if newest["mlflow"] < (3,):
            found = {name: "<3" for name in MLFLOW if name in specifiers}
    for package, fine, wanted in _CAPS:
        if newest.get(package, ANY) < fine:
            for name, cap in wanted.items():
                found[name] = min(found.get(name, cap), cap, key=newest_allowed)
    old = any(newest.get(name, ANY) < fine for name, fine in _BOUND_TO_OLD_NUMPY.items())
    if old or newest_allowed(found.get("numpy", "")) < (2,):
        found["pyarrow"] = _PYARROW_FOR_OLD_NUMPY
    return found


def newest_allowed(specifier: str) -> Version:
    """Compares with other versions as the newest one that fits; infinite where there is no upper bound."""
    newest = ANY
    for part in filter(None, specifier.replace(" ", "").split(",")):
        match = re.fullmatch(r"(===|==|~=|<=|<)v?(\d+(?:\.\d+)*)(\.\*)?.*", part)
        if match:
            operator, numbers, any_after = match.groups()
            version = [float(number) for number in numbers.split(".")]
            if operator == "~=":
                version, any_after = version[:-1], ".*"
            newest = min(newest, _end(operator, version, bool(any_after)))
    return newest


def _end(operator: str, version: list[float], any_after: bool) -> Version:
    if any_after:
        return (*version, float("inf"))
    if operator != "<":
        return tuple(version)
    while len(version) > 1 and version[-1] == 0:
        version.pop()
    return (*version[:-1], version[-1] - 1, float("inf"))
