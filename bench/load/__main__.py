"""People who look at a running job and programs that start jobs through REST, all at once, against a studio that is
started as `make run` starts it. Fails where a request fails, a page's p95 is over the target, or a job that was
accepted is lost, doubled or does not end well."""

import argparse
import statistics
import sys
import threading
import time
from collections import Counter

from bench.engine.machine import machine
from bench.engine.studio import running_studio
from bench.load.callers import LIVE, OPENED, STARTED, Caller, Person, Program
from bench.load.shares import watching

TARGET = 200  # milliseconds, p95 of pages
INSIDE = "bench.load.inside"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=300)
    arguments.add_argument("--people", type=int, default=50, help="who poll the page of a running job")
    arguments.add_argument("--tokens", type=int, default=10, help="that share the rate")
    arguments.add_argument("--rate", type=float, default=5, help="jobs that are started in a second")
    arguments.add_argument(
        "--patience", type=int, default=1800, help="seconds that the last jobs may take after"
    )
    chosen = arguments.parse_args()
    load = (
        f"{chosen.seconds} s, {chosen.people} people, {chosen.tokens} tokens, {chosen.rate:g} jobs a second"
    )
    print("\n".join(f"- {line}" for line in [*machine(), load]), end="\n\n", flush=True)
    with running_studio(samples=True) as studio:
        given = studio.ask(
            "set_up", INSIDE, people=chosen.people, tokens=chosen.tokens, seconds=chosen.seconds
        )
        people: list[Caller] = [Person(studio.address, given["page"], one) for one in given["sessions"]]
        every = chosen.tokens / chosen.rate
        programs: list[Caller] = [
            Program(studio.address, given["endpoint"], given["data"], one, every) for one in given["tokens"]
        ]
        with watching(studio.process.pid) as shares:
            began = time.monotonic()
            worked = run(people + programs, chosen.seconds)
            took = time.monotonic() - began
        met = report_requests(people + programs, chosen.seconds)
        report_shares(shares.by_kind() + Counter({"the callers": worked}), took)
        jobs = [job for program in programs for job in program.jobs]
        print(f"\n{len(jobs)} jobs accepted; waiting for their end, {chosen.patience} s at most.", flush=True)
        ended = studio.ask("wait", INSIDE, jobs=jobs, patience=chosen.patience)
    return 0 if report_jobs(len(jobs), ended, chosen.patience) and met else 1


def run(callers: list[Caller], seconds: float) -> float:
    """Each begins at another moment, as people and programs do. Seconds of a core that they took themselves."""
    before = time.process_time()
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=one.call_until, args=(end, place / len(callers)))
        for place, one in enumerate(callers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.process_time() - before


def report_requests(callers: list[Caller], seconds: int) -> bool:
    """Whether none failed and pages were quick enough."""
    print("| Requests | number | a second | p50 ms | p95 ms | most ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    slowest = max(line(what, callers, seconds) for what in (OPENED, LIVE))
    line(STARTED, callers, seconds)
    errors = [error for one in callers for error in one.errors]
    print(f"\n{len(errors)} errors")
    for error in sorted(set(errors)):
        print(f"{errors.count(error)} × {error}")
    return not errors and slowest <= TARGET


def report_shares(taken: Counter[str], seconds: float) -> None:
    print("Cores: " + ", ".join(f"{kind} {one / seconds:.2f}" for kind, one in taken.most_common()))


def line(what: str, callers: list[Caller], seconds: int) -> float:
    """Prints the line; its p95 in milliseconds."""
    took = [one * 1000 for caller in callers for one in caller.took[what]]
    if len(took) < 2:
        print(f"| {what} | {len(took)} | – | – | – | – |")
        return 0
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[18]
    print(f"| {what} | {len(took)} | {len(took) / seconds:.1f} | {p50:.0f} | {p95:.0f} | {max(took):.0f} |")
    return p95


def report_jobs(accepted: int, ended: dict[str, float], patience: int) -> bool:
    """Whether each that was accepted has ended well, once."""
    if ended["unfinished"]:
        print(
            f"{ended['unfinished']:.0f} of them had not ended after {patience} s: `--patience` gives them longer."
        )
    print(
        f"{ended['completed']:.0f} completed, {ended['rows_wrong']:.0f} of them with other rows than their input has; "
        f"{ended['doubled']:.0f} jobs that no answer named; the last ended {ended['behind']:.0f} s after the last one "
        "was created."
    )
    return ended["completed"] == accepted and not ended["rows_wrong"] and not ended["doubled"]


if __name__ == "__main__":
    sys.exit(main())
