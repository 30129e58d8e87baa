"""Ray Data on two CPUs: ray_data.py MODEL DATA.csv OUT RUNS

Scores RUNS times in one process and says the end of each by a line that starts with BENCH and has its seconds; the
first one is cold. Batches of 65,536 rows instead of Ray's 1,024, since a user who looks for speed would choose so."""

import shutil
import sys
import time
from functools import partial

import ray
from ray_model import predict

BATCH = 65_536


def score(model, data, out):
    shutil.rmtree(out, ignore_errors=True)
    rows = ray.data.read_csv(data)
    rows.map_batches(partial(predict, path=model), batch_format="pandas", batch_size=BATCH).write_csv(out)


if __name__ == "__main__":
    model, data, out, runs = sys.argv[1:]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=4 << 30)
    ray.data.DataContext.get_current().enable_progress_bars = False
    for _run in range(int(runs)):
        began = time.perf_counter()
        score(model, data, out)
        print(f"BENCH {time.perf_counter() - began:.3f}", flush=True)
