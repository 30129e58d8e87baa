"""Whatever is wrong with a file ends as a sentence in errors.csv, and costs the file or the row alone."""

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.actions.at_work import outputs, worked

pytestmark = pytest.mark.django_db
GOOD = b"act,value\nlist,1\n"


def parquet(act) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"act": act, "value": pa.array([1.0] * len(act), pa.float64())}), file)
    return file.getvalue()


FILES = {
    "corrupt.parquet": parquet(["list"])[:-9] + b"damaged!!",
    "damaged.csv.gz": gzip.compress(GOOD)[:-9],
    "empty.csv": b"",
    "good.csv": GOOD,
    "header.csv": b"act,value\n",
    "image.png": b"\x89PNG",
    "lines.jsonl": b'{"act": "list", "value": 1}\nno object\n',
    "nested.parquet": parquet([["list"]]),
    "nul.csv": b"act,value\nlist,1\nlist,2\0\n",
    "open-quote.csv": b'act,value\nlist,1\n"list,2\n',
    "other-encoding.csv": b"act,value\nlist,1\n\xc3\xa9,2\n\xff,3\n",
    "ragged.csv": b"act,value\nlist\nlist,2\n",
    "sub/good.csv": GOOD,
    "sub/none.csv": b"",
    "twice.csv": b"act,value,value\nlist,1,2\n",
    "without-mark.csv": GOOD.decode().encode("utf-16-le"),
}
SAID = [
    ("corrupt.parquet", "", "file", "corrupt.parquet cannot be read as Parquet: "),
    ("damaged.csv.gz", "", "file", "damaged.csv.gz cannot be unzipped: it ends too early."),
    ("empty.csv", "", "file", "empty.csv is empty: a CSV file needs a header row"),
    ("image.png", "", "file", "image.png is an image, which fits only a model"),
    ("lines.jsonl", "1", "parse", "the line is not a JSON object"),
    ("nested.parquet", "", "file", "nested.parquet: column 'act' is nested (list<"),
    ("none.csv", "", "file", "sub/none.csv is empty"),
    ("nul.csv", "1", "cast", "column 'value' is not a number: '2"),
    (
        "open-quote.csv",
        "",
        "file",
        "open-quote.csv cannot be read as CSV: a quote that is opened near its end",
    ),
    ("other-encoding.csv", "2", "cast", "column 'act' is not UTF-8 text"),
    ("ragged.csv", "0", "parse", "the row has 1 field where the header has 2"),
    ("twice.csv", "", "file", "twice.csv has more than one column named 'value'"),
    ("without-mark.csv", "", "file", "without-mark.csv has NUL bytes in its header row"),
]


def test_each_file_and_row_that_cannot_be_used_says_why(node, job_of):
    job = job_of(FILES)
    worked(node, job)
    assert job.status_label == "Completed, 13 of 16 files failed"
    with outputs(job)["errors.csv"].open(newline="") as file:
        found = sorted(tuple(line) for line in list(csv.reader(file))[1:])
    assert [line[:3] for line in found] == [line[:3] for line in SAID]
    for line, said in zip(found, SAID, strict=True):
        assert line[3].startswith(said[3])
    predictions = outputs(job)["predictions.csv"].read_text().splitlines()
    assert predictions == [
        "row,prediction,file_name",
        "0,1,good.csv",
        "0,1,lines.jsonl",
        "0,1,nul.csv",
        "0,1,other-encoding.csv",
        "1,2,other-encoding.csv",
        "1,2,ragged.csv",
        "0,1,sub/good.csv",
    ]


def test_files_without_rows_leave_an_empty_output_and_the_job_says_so(node, job_of):
    job = job_of({"a.csv": "act,value\n", "b.parquet": parquet(pa.array([], pa.string()))})
    worked(node, job)
    assert job.error.startswith("The input has no rows, so there are no predictions.")
    assert outputs(job)["predictions.csv"].read_text() == "row,prediction,file_name\n"
