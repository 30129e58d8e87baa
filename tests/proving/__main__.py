"""`make prove`: what must hold of real models, proven with them; the results are written to docs/proof.md."""

import argparse
import sys
from pathlib import Path

from tests.proving import flavors

PROOF = Path(__file__).parents[2] / "docs" / "proof.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proving", description=__doc__)
    sections = parser.add_subparsers(dest="section", required=True)
    models = sections.add_parser("flavors", help="every flavor against mlflow.pyfunc in the same environment")
    models.add_argument("--only", default="", help="flavors whose name holds this; nothing is written then")
    models.add_argument("--work", type=Path, help="a folder to keep environments and models in")
    chosen = parser.parse_args()
    results = flavors.prove(only=chosen.only, work=chosen.work)
    if not chosen.only:
        PROOF.write_text(flavors.page(results))
        print(f"Written: {PROOF}")
    return 0 if results and all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
