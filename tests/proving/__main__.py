"""`make prove`: what must hold of real models and of a studio whose processes die; results are written to docs/."""

import argparse
import sys
import time
from pathlib import Path

from tests.journeys.running import running_studio
from tests.proving import flavors, kills

DOCS = Path(__file__).parents[2] / "docs"
PROOF, KILLS = DOCS / "proof.md", DOCS / "kills.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proving", description=__doc__)
    sections = parser.add_subparsers(dest="section", required=True)
    models = sections.add_parser("flavors", help="every flavor against mlflow.pyfunc in the same environment")
    models.add_argument("--only", default="", help="flavors whose name holds this; nothing is written then")
    models.add_argument("--work", type=Path, help="a folder to keep environments and models in")
    deaths = sections.add_parser("kills", help="jobs under which processes are killed at random moments")
    deaths.add_argument("--jobs", type=int, default=50)
    deaths.add_argument("--seed", type=int, default=time.time_ns() % 10_000)
    chosen = parser.parse_args()
    return _kills(chosen) if chosen.section == "kills" else _flavors(chosen)


def _kills(chosen: argparse.Namespace) -> int:
    results = []
    with running_studio() as studio:
        for one in kills.rounds(studio, count=chosen.jobs, seed=chosen.seed):
            print(
                f"{one.harm}, after {one.after:.1f} s: {one.status} in {one.seconds:.0f} s, same: {one.same}",
                flush=True,
            )
            results.append(one)
    KILLS.write_text(kills.page(results, chosen.seed))
    print(f"Written: {KILLS}")
    return 0 if all(one.same for one in results) else 1


def _flavors(chosen: argparse.Namespace) -> int:
    results = flavors.prove(only=chosen.only, work=chosen.work)
    if not chosen.only:
        PROOF.write_text(flavors.page(results))
        print(f"Written: {PROOF}")
    return 0 if results and all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
