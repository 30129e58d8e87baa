"""`mlflow models predict` without its start: mlflow_predict.py MODEL DATA.csv OUT.json

The same code that the command runs; the clock starts when Python has imported all of it and the model is loaded. Says
when it is done by a line on standard output that starts with BENCH and has the seconds."""

import sys
import time

from mlflow.pyfunc import scoring_server

load_model = scoring_server.load_model
loaded_at = 0.0


def load_and_note(*given, **more):
    global loaded_at
    model = load_model(*given, **more)
    loaded_at = time.perf_counter()
    return model


if __name__ == "__main__":
    model, data, out = sys.argv[1:]
    scoring_server.load_model = load_and_note
    scoring_server._predict(model, data, out, "csv")
    print(f"BENCH {time.perf_counter() - loaded_at:.3f}", flush=True)
