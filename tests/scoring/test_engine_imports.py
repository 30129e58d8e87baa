import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import scoring.errors, scoring.plan, scoring.settings, scoring.signature, scoring.preview
import scoring.requirements, scoring.environment, scoring.processes, scoring.outputs, scoring.summary
print([name for name in ("pandas", "numpy", "mlflow", "pyarrow", "yaml") if name in sys.modules])
"""


def test_the_nodes_side_of_the_engine_stays_small() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                         cwd=Path(__file__).parents[2], check=True)  # fmt: skip
    assert run.stdout.strip() == "[]"
