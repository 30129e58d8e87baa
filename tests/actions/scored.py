"""What a node leaves of a mini-batch: a part with one prediction for each file of one row."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa

from scoring.reports import ScoreReport, SliceReport
from scoring.scorer.parts import PartWriter
from studio.models import Job, MiniBatch
from studio.stores import checksum


def scored_part(job: Job, minibatch: MiniBatch) -> tuple[dict[str, Any], dict[str, Any]]:
    assert job.output_datastore is not None
    root = Path(job.output_datastore.options["root"])
    path = f"{job.parts_path}/{minibatch.number:06d}.part.arrow"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as predictions:
        writer = PartWriter(predictions, io.BytesIO())
        for _file in minibatch.slices:
            writer.write(pa.table({"prediction": [minibatch.number + 0.5]}))
        writer.close()
    slices = [
        SliceReport(records=1, rows=1, errors=0, columns=[("prediction", "double")])
        for _file in minibatch.slices
    ]
    report = ScoreReport(slices=slices, seconds={"read": 0.1, "predict": 0.2}, sketches={})
    return {
        "path": path,
        "size": file.stat().st_size,
        "checksum": checksum(file),
        "errors": None,
    }, report.to_dict()
