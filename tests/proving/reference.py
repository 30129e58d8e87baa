"""What mlflow.pyfunc itself answers, in the environment it is called in: no part of the engine is used.

python reference.py MODEL DATA CHUNKS OUT. CHUNKS is a JSON list of numbers of rows; OUT.chunks.arrow is the answer to
these one after the other, OUT.whole.arrow the one to a single call.
"""

import json
import sys

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pyarrow as pa

DTYPES = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32", "boolean": "bool",
          "string": "object", "datetime": "datetime64[ns]"}  # fmt: skip


def frame_of(path, inputs):
    """The data as the signature types it."""
    if path.endswith(".parquet"):
        frame = pd.read_parquet(path)
    else:
        empty = ["", "NA", "NaN", "nan", "null", "NULL", "None", "N/A", "n/a", "#N/A", "<NA>"]
        frame = pd.read_csv(path, float_precision="round_trip", keep_default_na=False, na_values=empty)
    for column in inputs:
        if column["type"] == "tensor":
            return frame.astype(column["tensor-spec"]["dtype"])
        frame[column["name"]] = frame[column["name"]].astype(DTYPES[column["type"]])
    return frame


def columns_of(answer):
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    if isinstance(answer, pd.DataFrame):
        return {str(name): answer[name].to_numpy() for name in answer.columns}
    if isinstance(answer, dict):
        found = {}
        for name, values in answer.items():
            values = np.asarray(values)
            found[name] = values if values.ndim == 1 else list(values)
        return found
    array = np.asarray(answer)
    if array.ndim == 2:
        return {str(i): array[:, i] for i in range(array.shape[1])}
    return {"0": array}


def as_text(value):
    return json.dumps(value.tolist())


def table_of(answer):
    """Columns by their places, so that what they are called does not matter here."""
    arrays = []
    for values in columns_of(answer).values():
        if isinstance(values, list):
            arrays.append(pa.array([as_text(value) for value in values]))
        else:
            arrays.append(pa.array(values, from_pandas=True))
    return pa.table(arrays, names=[str(i) for i in range(len(arrays))])


def one_thread(model):
    """As the deployment says: one thread per scorer, also where the estimator was logged with several jobs."""
    implementation = getattr(model, "_model_impl", None)
    for name in ("sklearn_model", "xgb_model", "lgb_model", "cb_model"):
        estimator = getattr(implementation, name, None)
        if hasattr(estimator, "set_params") and "n_jobs" in getattr(estimator, "get_params", dict)():
            estimator.set_params(n_jobs=1)


def main(path, data, chunks, out):
    model = mlflow.pyfunc.load_model(path)
    one_thread(model)
    inputs = model.metadata.get_input_schema().to_dict()
    frame = frame_of(data, inputs)

    def predict(part):
        return table_of(model.predict(part.to_numpy() if inputs[0]["type"] == "tensor" else part))

    start, tables = 0, []
    for rows in json.loads(chunks):
        tables.append(predict(frame.iloc[start : start + rows].reset_index(drop=True)))
        start += rows
    if start != len(frame):
        raise SystemExit("%d rows were scored of %d" % (start, len(frame)))
    for name, table in (("chunks", pa.concat_tables(tables)), ("whole", predict(frame))):
        with pa.OSFile("%s.%s.arrow" % (out, name), "wb") as file:
            with pa.ipc.new_stream(file, table.schema) as stream:
                stream.write_table(table)


if __name__ == "__main__":
    main(*sys.argv[1:])
