import json
import os
import sys
import types


def _without_neighbours() -> None:
    """Makes `scoring.scorer` importable alone: nothing else of the project, and no module name of ours
    on sys.path."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    for name, path in (("scoring", []), ("scoring.scorer", [here])):
        package = types.ModuleType(name)
        package.__path__ = path
        sys.modules[name] = package
    sys.modules["scoring"].scorer = sys.modules["scoring.scorer"]  # type: ignore[attr-defined]


if __name__ == "__main__":
    _without_neighbours()
    from scoring.scorer.channel import take_input

    if sys.argv[1] == "parent":
        from scoring.scorer.forking import parent

        parent(take_input())
    else:
        from scoring.scorer.serving import serve

        serve(take_input(), json.loads(sys.argv[1]))
