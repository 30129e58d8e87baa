"""Measures the scoring engine against its targets and peers, and prints the table. Exit code 1: a target is missed."""

import argparse
import sys
from datetime import UTC, datetime

from bench.engine import machine
from bench.engine.data import make_data
from bench.engine.home import bench_home, clean, environment
from bench.engine.measuring import Bench, Measured, clock
from bench.engine.models import MODELS, make_models
from bench.engine.studio import running_studio
from bench.engine.targets import Table, all_figures, as_markdown

PARTS = ("whole", "small", "memory", "slots", "cost")
PEERS = ("mlflow", "floor", "ray", "spark")


def main() -> int:
    chosen = arguments()
    if chosen.clean:
        clean()
        return 0
    home = bench_home()
    say(f"The data, the models and the environments are in {home}.")
    data = make_data(home, chosen.rows)
    for name in ("models", *(name for name in ("ray", "spark") if name in chosen.peers)):
        environment(name)
    models, above, measured = make_models(data), machine.about(data), Measured()
    try:
        with running_studio() as studio:
            say("The studio runs; the models are being deployed.")
            studio.set_up(data, models, chosen.models)
            bench = Bench(studio, data, models, chosen.runs, tuple(chosen.peers), measured, say)
            take(bench, chosen)
    finally:
        measured.save(home / f"figures-{datetime.now(UTC):%Y%m%d-%H%M%S}.json")
    lines = Table(measured).lines()
    print(f"\n{above}\n\n{as_markdown(lines)}\n\n{all_figures(measured)}\n")
    for sentence in measured.missing:
        print(f"Not measured. {sentence}")
    return 1 if any(line.met is False for line in lines) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=2_000_000, help="of the CSV, the shards and the Parquet file"
    )
    parser.add_argument("--runs", type=int, default=5, help="of everything")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--clean", action="store_true", help="delete the folder and do nothing else")
    return parser.parse_args()


def take(bench: Bench, chosen: argparse.Namespace) -> None:
    if "whole" in chosen.parts:
        bench.whole_jobs(chosen.models)
    parts = {"slots": ("forest", bench.slots), "small": ("logistic", bench.small_jobs)}
    parts |= {"cost": ("logistic", bench.own_cost), "memory": ("logistic", bench.memory)}
    for part, (model, measure) in parts.items():
        if part in chosen.parts and model in chosen.models:
            measure()


def say(line: str) -> None:
    print(f"{clock()}  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
