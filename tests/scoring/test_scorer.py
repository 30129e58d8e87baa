"""The scorer process: scores exactly as MLflow does, and whatever a model does costs nobody but itself."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scoring.errors import (
    InputError,
    ModelLoadError,
    PredictError,
    ScorerDied,
    ScoringCanceled,
    ScoringTimeout,
)
from scoring.outputs import PartRef, PartSlice, write_errors, write_predictions
from scoring.parents import Parent
from scoring.plan import file_kind
from scoring.processes import LocalSlice, Scorer
from scoring.reports import ScoreReport, storable

StartScorer = Callable[..., Scorer]
Predict = Callable[[Path, pd.DataFrame], Any]
TIMEOUT = 60


def score(
    scorer: Scorer, folder: Path, *files: Path, timeout: float = TIMEOUT, **options: Any
) -> ScoreReport:
    slices = [LocalSlice(path=file, kind=file_kind(file.name)) for file in files]
    part, errors = folder / "part", folder / "errors"
    return scorer.score(slices=slices, part=part, errors=errors, timeout=timeout, **options)


def put_together(report: ScoreReport, folder: Path, *files: Path, name: str = "out.csv") -> pd.DataFrame:
    slices = [
        PartSlice(file_name=f.name, offset_row=0, report=r) for f, r in zip(files, report.slices, strict=True)
    ]
    errors = folder / "errors"
    part = PartRef(part=folder / "part", errors=errors if errors.exists() else None, slices=slices)
    write_predictions(parts=[part], destination=folder / name)
    write_errors(parts=[part], destination=folder / "errors.csv")
    return pd.read_csv(folder / name)


def act(folder: Path, what: str, rows: int = 3) -> Path:
    file = folder / f"{what}.csv"
    file.write_text("act,value\n" + "".join(f"{what},{i}.5\n" for i in range(rows)), encoding="utf-8")
    return file


def gone(pid: int, seconds: float = 3) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_whole_numbers_are_scored_as_the_doubles_of_the_signature(
    start_scorer: StartScorer,
    pyfunc_predict: Predict,
    diabetes_model: Path,
    diabetes_files: list[Path],
    tmp_path: Path,
) -> None:
    scorer = start_scorer(diabetes_model)
    loaded = scorer.load()
    assert loaded.mlflow_version == version("mlflow")
    trial = scorer.trial()
    assert (trial.rows, trial.columns, trial.notes) == (3, ["prediction_0", "prediction_1"], [])
    report = score(scorer, tmp_path, *diabetes_files)
    assert [(s.records, s.rows, s.errors) for s in report.slices] == [(100, 100, 0)] * 4
    assert set(report.seconds) == {"read", "predict", "write"}
    assert report.sketches["prediction_1"]["numbers"] == 400
    out = put_together(report, tmp_path, *diabetes_files)
    assert list(out.columns) == ["row", "prediction_0", "prediction_1", "file_name"]
    assert out["row"].tolist() == list(range(100)) * 4
    frames = [pd.read_csv(file).astype(float) for file in diabetes_files]
    wanted = np.concatenate([pyfunc_predict(diabetes_model, frame) for frame in frames])
    np.testing.assert_array_equal(out[["prediction_0", "prediction_1"]].to_numpy(), wanted)
    first = (tmp_path / "out.csv").read_bytes()
    put_together(score(scorer, tmp_path, *diabetes_files), tmp_path, *diabetes_files)
    assert (tmp_path / "out.csv").read_bytes() == first


def test_every_format_of_the_same_rows_is_scored_to_the_same_bits(
    start_scorer: StartScorer,
    pyfunc_predict: Predict,
    diabetes_model: Path,
    diabetes_files: list[Path],
    tmp_path: Path,
) -> None:
    frame = pd.concat(map(pd.read_csv, diabetes_files)).astype(float) / 7  # of as many digits as there can be
    names = ["a.csv", "b.csv.gz", "c.jsonl", "d.jsonl.gz", "e.parquet", "f.pqt", "g.csv"]
    files = [tmp_path / name for name in names]
    lines = "".join(json.dumps(row) + "\n" for row in frame.to_dict("records"))
    for file in files:
        if "csv" in file.name:
            frame.to_csv(file, index=False)
        elif "jsonl" in file.name:
            file.write_bytes(gzip.compress(lines.encode()) if file.suffix == ".gz" else lines.encode())
        else:
            frame.to_parquet(file)
    frame.to_csv(files[-1], index=False, sep=";", encoding="utf-16")
    scorer = start_scorer(diabetes_model)
    scorer.load()
    out = put_together(score(scorer, tmp_path, *files), tmp_path, *files)
    wanted = np.concatenate([pyfunc_predict(diabetes_model, frame)] * len(files))
    np.testing.assert_array_equal(out[["prediction_0", "prediction_1"]].to_numpy(), wanted)


def test_extra_columns_words_and_missing_values_are_scored_as_mlflow_does(
    start_scorer: StartScorer,
    pyfunc_predict: Predict,
    titanic_model: Path,
    titanic_file: Path,
    tmp_path: Path,
) -> None:
    scorer = start_scorer(titanic_model)
    scorer.load()
    trial = scorer.trial()
    assert trial.rows == 0
    assert trial.notes
    frame = pd.read_csv(titanic_file)
    parquet = tmp_path / "passengers.parquet"
    frame.to_parquet(parquet)
    report = score(scorer, tmp_path, titanic_file, parquet)
    assert [s.records for s in report.slices] == [len(frame)] * 2
    out = put_together(report, tmp_path, titanic_file, parquet)
    wanted = pyfunc_predict(titanic_model, frame).tolist()
    assert out["prediction"].tolist() == wanted * 2


def test_rows_that_do_not_fit_are_left_out_and_the_others_keep_their_numbers(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    good = act(tmp_path, "echo")
    mixed = tmp_path / "mixed.csv"
    mixed.write_text(
        'act,value\necho,1\necho\necho,"x\ny"\necho,4\na,b,c\necho,6\necho,seven\n', encoding="utf-8"
    )
    bad = tmp_path / "bad.csv"
    bad.write_text("act,value\nonly\n", encoding="utf-8")
    files = (good, mixed, bad, good)
    report = score(scorer, tmp_path, *files)
    assert [(s.records, s.rows, s.errors) for s in report.slices] == [
        (3, 3, 0),
        (7, 3, 4),
        (1, 0, 1),
        (3, 3, 0),
    ]
    out = put_together(report, tmp_path, *files)
    assert out[out["file_name"] == "mixed.csv"][["row", "prediction"]].to_numpy().tolist() == [
        [0, 1],
        [3, 4],
        [5, 6],
    ]
    with (tmp_path / "errors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["file_name"], r["row"], r["stage"]) for r in rows] == [
        ("mixed.csv", "1", "parse"), ("mixed.csv", "2", "cast"), ("mixed.csv", "4", "parse"),
        ("mixed.csv", "6", "cast"), ("bad.csv", "0", "parse"),
    ]  # fmt: skip


def test_of_an_exception_that_says_much_the_ends_are_kept(shared_scorer: Scorer, tmp_path: Path) -> None:
    with pytest.raises(PredictError, match="KeyError: 'muchmuch") as failure:
        score(shared_scorer, tmp_path, act(tmp_path, "raise much"))
    assert len(failure.value.message) < 600
    assert len(failure.value.traceback) < 100_000
    assert "odd_model.py" in failure.value.traceback


@pytest.mark.parametrize("what", ["refuse", "refuse one"])
@pytest.mark.parametrize("at_once", [False, True])
def test_rows_that_the_model_names_are_set_aside(
    shared_scorer: Scorer, tmp_path: Path, what: str, at_once: bool
) -> None:
    lines = [f"{what},{value}" for value in ("1", "-2", "x", "-3", "4")]
    some, none = tmp_path / "some.csv", tmp_path / "none.csv"
    some.write_text("\n".join(["act,value", *lines]) + "\n")
    none.write_text(f"act,value\n{what},-1\n")
    report = score(shared_scorer, tmp_path, some, none, at_once=at_once, pass_through=["value"])
    assert [(one.records, one.rows, one.errors) for one in report.slices] == [(5, 2, 3), (1, 0, 1)]
    slices = [
        PartSlice(file_name=name, offset_row=0, report=one)
        for name, one in zip("ab", report.slices, strict=True)
    ]
    part = PartRef(part=tmp_path / "part", errors=tmp_path / "errors", slices=slices)
    write_predictions(parts=[part], destination=tmp_path / "out.csv", pass_through=["value"])
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["0,1,1,a", "4,4,4,a"]
    write_errors(parts=[part], destination=tmp_path / "errors.csv")
    refused = "predict,Refused: a value is negative"
    assert (tmp_path / "errors.csv").read_text().splitlines()[1:] == [
        f"a,1,{refused}", "a,2,cast,column 'value' is not a number: 'x'", f"a,3,{refused}", f"b,0,{refused}",
    ]  # fmt: skip


def test_an_error_that_names_rows_which_were_not_given_is_of_all(
    shared_scorer: Scorer, tmp_path: Path
) -> None:
    with pytest.raises(PredictError, match="rows that nobody gave"):
        score(shared_scorer, tmp_path, act(tmp_path, "refuse others"))


def test_a_file_that_cannot_be_read_fails_the_mini_batch_and_leaves_no_part(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(InputError, match=r"empty\.csv is empty") as failure:
        score(scorer, tmp_path, empty)
    assert failure.value.file == "empty.csv"
    assert not list(tmp_path.glob("part*"))
    with pytest.raises(
        PredictError, match=r"ValueError: the feature store is closed \(while scoring raise\.csv\)"
    ) as error:
        score(scorer, tmp_path, act(tmp_path, "echo"), act(tmp_path, "raise"))
    assert "odd_model.py" in error.value.traceback
    with pytest.raises(PredictError, match="2 predictions for 3 rows"):
        score(scorer, tmp_path, act(tmp_path, "short"))
    with pytest.raises(PredictError, match="SystemExit: 3"):
        score(scorer, tmp_path, act(tmp_path, "quit"))
    assert not list(tmp_path.glob("part*"))
    assert score(scorer, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


def test_whatever_a_model_prints_or_reads_does_not_disturb(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    os.environ["STUDIO_SECRET"] = "hidden"
    try:
        scorer = start_scorer(odd_model, COUNTRY="NL")
    finally:
        del os.environ["STUDIO_SECRET"]
    scorer.load()
    assert score(scorer, tmp_path, act(tmp_path, "print")).slices[0].rows == 3
    log = (tmp_path / "scorer.log").read_text()
    assert "printed by the model" in log
    assert "written to descriptor 1" in log
    file = act(tmp_path, "environment")
    seen = put_together(score(scorer, tmp_path, file), tmp_path, file)["prediction"][0].split(",")
    assert "COUNTRY" in seen
    assert not [name for name in seen if "STUDIO" in name or "DATABASE" in name]


@pytest.mark.parametrize(
    ("what", "columns", "first"),
    [
        ("dicts", ["label", "prediction_row"], ["a,0.5", 0.5]),
        ("nested", ["prediction_0", "prediction_1"], [0.5, '{"x": 0.5}']),
        ("whole", ["prediction"], [0]),
        ("two", ["prediction_0", "prediction_1"], [0.5, 0.5]),
        ("column", ["prediction"], [0.5]),
        ("words", ["prediction"], ["w0.5"]),
        ("list", ["prediction"], [0.5]),
        ("tuple", ["prediction"], [0.5]),
        ("frame", ["low", "high"], [-0.5, 1.5]),
        ("frame_of_one", ["prediction"], [0.5]),
        ("nul", ["a\ufffd", "b"], [0.5, 1.5]),
        ("dict", ["low", "word"], [0.5, "w0.5"]),
        ("texts", ["prediction"], [0.5]),
        ("objects", ["prediction"], ["w0.5"]),
        ("bools", ["prediction"], [False]),
        ("times", ["prediction"], ["2020-01-02 00:00:00.000000"]),
        ("mixed", ["prediction"], ["0.5"]),
        ("decimals", ["prediction"], [0.5]),
        ("nullable", ["prediction"], [0]),
    ],
)
def test_every_kind_of_answer_becomes_columns(
    shared_scorer: Scorer, tmp_path: Path, what: str, columns: list[str], first: list[object]
) -> None:
    file = act(tmp_path, what)
    report = score(shared_scorer, tmp_path, file)
    out = put_together(report, tmp_path, file)
    assert report.columns == columns
    assert list(out.columns) == ["row", *columns, "file_name"]
    assert out.iloc[0, 1:-1].tolist() == first


@pytest.fixture(scope="module")
def shared_scorer(odd_model: Path, parent: Parent, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("shared")
    with parent.fork(model=odd_model, scratch=folder / "scratch", variables={}, memory_limit=None,
                     log=folder / "log") as scorer:  # fmt: skip
        scorer.load()
        yield scorer


@pytest.mark.parametrize(("what", "said"), [("exit", "exit code 7"), ("crash", "SIGSEGV")])
def test_a_model_that_ends_its_process_is_named(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path, what: str, said: str
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    with pytest.raises(ScorerDied, match=said):
        score(scorer, tmp_path, act(tmp_path, what))
    assert not scorer.alive
    assert not (tmp_path / "part").exists()


def test_what_its_asker_does_meanwhile_is_not_its_time(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    """It may have waited for its second file."""
    scorer = start_scorer(odd_model)
    scorer.load()
    done: list[float] = []

    def meanwhile() -> None:
        time.sleep(1.5)
        done.append(time.monotonic())

    files = [act(tmp_path, "echo"), act(tmp_path, "list")]
    report = score(scorer, tmp_path, *files, timeout=1, meanwhile=meanwhile)
    assert len(done) == 1
    assert [one.rows for one in report.slices] == [3, 3]


def test_a_timeout_kills_the_scorer_and_what_it_started(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    began = time.monotonic()
    with pytest.raises(ScoringTimeout, match=r"longer than 0\.5 seconds"):
        score(scorer, tmp_path, act(tmp_path, "sleep"), timeout=0.5)
    assert time.monotonic() - began < 1.5
    child = re.search(r"child (\d+)", (tmp_path / "scorer.log").read_text())
    assert child
    assert gone(int(child[1]))
    assert gone(scorer.pid)


def test_a_cancel_kills_the_scorer(start_scorer: StartScorer, odd_model: Path, tmp_path: Path) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    end = time.monotonic() + 0.3
    slices = [LocalSlice(path=act(tmp_path, "spin"), kind="csv")]
    with pytest.raises(ScoringCanceled):
        scorer.score(slices=slices, part=tmp_path / "part", errors=tmp_path / "errors", timeout=TIMEOUT,
                     stop=lambda: time.monotonic() > end)  # fmt: skip
    assert gone(scorer.pid)


def test_memory_beyond_the_limit_is_refused_with_a_sentence(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model, memory_limit=2 << 30)
    scorer.load()
    with pytest.raises(PredictError, match="more memory than the 2048 MB"):
        score(scorer, tmp_path, act(tmp_path, "memory"))
    assert score(scorer, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


def test_a_model_that_cannot_be_loaded_says_why(start_scorer: StartScorer, tmp_path: Path) -> None:
    scorer = start_scorer(tmp_path / "no model")
    with pytest.raises(ModelLoadError, match="no model") as failure:
        scorer.load()
    assert "Traceback" in failure.value.traceback


def test_a_model_that_ends_its_process_while_it_is_loaded_cannot_be_loaded(
    start_scorer: StartScorer, odd_model: Path
) -> None:
    with pytest.raises(ModelLoadError, match=r"cannot be loaded: The model's process ended .* exit code 5"):
        start_scorer(odd_model, ODD_LOAD="exit").load()


def test_a_scorer_does_not_outlive_a_killed_node(odd_model: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from scoring.processes import LocalSlice, Scorer
folder = Path({str(tmp_path)!r})
scorer = Scorer.start(python=Path(sys.executable), model=Path({str(odd_model)!r}), scratch=folder / "s",
                      variables={{}}, memory_limit=None, log=folder / "log")
scorer.load()
print(scorer.pid, flush=True)
scorer.score(slices=[LocalSlice(path=Path({str(act(tmp_path, "spin"))!r}), kind="csv")], part=folder / "part",
             errors=folder / "errors", timeout=100)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parents[2]) as node:  # fmt: skip
        assert node.stdout
        pid = int(node.stdout.readline())
        time.sleep(0.3)
        assert not gone(pid, 0.1)
        node.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_parts_hold_predictions_only(shared_scorer: Scorer, tmp_path: Path) -> None:
    score(shared_scorer, tmp_path, act(tmp_path, "echo"))
    with (tmp_path / "part").open("rb") as file, pa.ipc.open_stream(file) as reader:
        assert reader.schema.names == ["prediction"]


def test_what_a_model_says_can_be_stored() -> None:
    said = {"a\0": ["x\0y", "caf\udce9", 1, None, {"deep": "\0"}]}
    assert storable(said) == {"a\ufffd": ["x\ufffdy", "caf?", 1, None, {"deep": "\ufffd"}]}


@pytest.mark.parametrize(("suffix", "pass_through"), [(".csv", ["value"]), (".parquet", [])])
def test_a_model_that_ranks_sees_the_whole_file_at_once(
    shared_scorer: Scorer, tmp_path: Path, suffix: str, pass_through: list[str]
) -> None:
    rows = 300_000
    values = np.random.default_rng(1).permutation(rows) + 0.5
    frame = pd.DataFrame({"act": "rank", "value": values})
    file = tmp_path / f"many{suffix}"
    frame.to_csv(file, index=False) if suffix == ".csv" else frame.to_parquet(file, row_group_size=1000)
    report = score(shared_scorer, tmp_path, file, at_once=True, pass_through=pass_through)
    slices = [PartSlice(file_name=file.name, offset_row=0, report=report.slices[0])]
    part = PartRef(part=tmp_path / "part", errors=None, slices=slices)
    write_predictions(parts=[part], destination=tmp_path / "out.csv", pass_through=pass_through)
    written = pd.read_csv(tmp_path / "out.csv")
    assert (written["prediction"] == values + 0.5).all()
    if pass_through:
        assert (written["value"] == values).all()


def test_a_file_that_cannot_be_read_takes_no_other_with_it(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    lost = tmp_path / "lost.csv"
    # Its first block is scored before the quote that is never closed is met in its second one.
    lost.write_text("act,value\necho,x\n" + "echo,1.5\n" * 2_000_000 + '"echo,2\n')
    report = score(scorer, tmp_path, act(tmp_path, "echo"), lost, act(tmp_path, "list"))
    assert [one.rows for one in report.slices] == [3, 0, 3]
    assert [bool(one.failed) for one in report.slices] == [False, True, False]
    assert "never closed" in report.slices[1].failed
    assert report.sketches["prediction"]["count"] == 6
    slices = [
        PartSlice(file_name=name, offset_row=0, report=one)
        for name, one in zip(("a", "b", "c"), report.slices, strict=True)
    ]
    part = PartRef(part=tmp_path / "part", errors=None, slices=slices)
    written = write_predictions(parts=[part], destination=tmp_path / "out.csv")
    assert written.rows == 6
    assert not (tmp_path / "errors").exists()
