"""Images become tensors: a row per file, together where they have the same shape, each failing alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scoring.errors import InputError
from scoring.outputs import PartRef, PartSlice, write_predictions
from scoring.plan import file_kind
from scoring.processes import LocalSlice, Scorer
from scoring.reports import ScoreReport
from scoring.requirements import EnvironmentSpec
from scoring.scorer import image_reading
from scoring.scorer.failures import FileFailure
from scoring.scorer.image_reading import ImageTensor, read_image
from scoring.scorer.needs import Needs
from scoring.signature import Signature, Tensor
from tests.scoring.conftest import StartScorer, mlflow_quietly

SUFFIXES = [".png", ".jpg", ".jpeg", ".tiff", ".bmp", ".gif"]


def tensor(dtype: str, *shape: int, name: str | None = None) -> list[dict[str, object]]:
    return [{"type": "tensor", "name": name, "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}]


def picture(
    path: Path, *, height: int = 4, width: int = 6, color: object = (10, 20, 30), mode: str = "RGB"
) -> Path:
    Image.new(mode, (width, height), color).save(path)
    return path


def array(path: Path, inputs: list[dict[str, object]]) -> np.ndarray:
    with path.open("rb") as file:
        return read_image(file, path.name, ImageTensor(Needs(inputs), path.name))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_type_is_read_channels_last_and_unscaled(tmp_path: Path, suffix: str) -> None:
    found = array(picture(tmp_path / f"a{suffix}"), tensor("uint8", -1, -1, 3))
    assert (found.shape, found.dtype) == ((4, 6, 3), np.uint8)
    assert np.abs(found.astype(int) - [10, 20, 30]).max() <= 2  # JPEG is not exact
    assert array(tmp_path / f"a{suffix}", tensor("float32", 4, 6, 3)).max() > 27


@pytest.mark.parametrize(
    ("mode", "color", "shape", "pixel"),
    [
        ("RGB", (10, 20, 30), (4, 6), 18),
        ("RGB", (10, 20, 30), (-1, -1, 1), [18]),
        ("RGB", (10, 20, 30), (-1, -1, 4), [10, 20, 30, 255]),
        ("RGBA", (10, 20, 30, 40), (-1, -1, 3), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 40), (-1, -1, -1), [10, 20, 30, 40]),
        ("L", 7, (-1, -1, 3), [7, 7, 7]),
        ("L", 7, (-1, -1, -1), [7]),
        ("P", 0, (-1, -1, -1), [0, 0, 0]),
        ("I;16", 40_000, (-1, -1, 1), [40_000]),
        ("I;16", 40_000, (-1, -1), 40_000),
    ],
)
def test_channels_are_those_of_the_signature(tmp_path: Path, mode, color, shape, pixel) -> None:
    found = array(picture(tmp_path / "a.png", mode=mode, color=color), tensor("float64", *shape))
    assert found[0, 0].tolist() == pixel


def test_what_does_not_fit_says_why(tmp_path: Path) -> None:
    good = picture(tmp_path / "a.png")
    for inputs in (
        None, tensor("float32", 24), tensor("float32", 3, 4, 6), tensor("str", -1, -1, 3),
        [{"name": "a", "type": "double", "required": True}],
    ):  # fmt: skip
        with pytest.raises(FileFailure, match=r"a\.png is an image, which fits only a model"):
            array(good, inputs)  # type: ignore[arg-type]
    with pytest.raises(FileFailure, match=r"a\.png is 4 × 6 pixels .* takes 8 × any"):
        array(good, tensor("uint8", 8, -1, 3))
    with pytest.raises(FileFailure, match="more than 8 bits"):
        array(picture(tmp_path / "deep.png", mode="I;16", color=1), tensor("uint8", -1, -1, 1))
    noise = np.random.default_rng(1).integers(0, 255, (50, 50, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    whole = (tmp_path / "noise.png").read_bytes()
    for name, content in {
        "b.png": b"",
        "c.gif": b"GIF89a and no more",
        "d.png": whole[: len(whole) // 2],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFailure, match=f"{name} cannot be read as an image"):
            array(tmp_path / name, tensor("uint8", -1, -1, 3))


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "images"
    with mlflow_quietly() as mlflow:
        from mlflow.types import Schema, TensorSpec

        signature = mlflow.models.ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))])
        )
        code = Path(__file__).with_name("image_model.py")
        mlflow.pyfunc.save_model(
            path, python_model=str(code), signature=signature, pip_requirements=["mlflow"]
        )
    return path


def score(scorer: Scorer, folder: Path, *files: Path) -> ScoreReport:
    slices = [LocalSlice(path=file, kind=file_kind(file.name)) for file in files]
    return scorer.score(slices=slices, part=folder / "part", errors=folder / "errors", timeout=60)


def test_images_of_one_shape_are_predicted_at_once_and_a_bad_one_fails_alone(
    start_scorer: StartScorer, image_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(image_model)
    scorer.load()
    assert "only loading it was tried" in scorer.trial().notes[0]
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    files = [
        picture(tmp_path / "a.png", color=(1, 0, 0)),
        picture(tmp_path / "b.png", height=2, color=(2, 0, 0)),
        bad,
        picture(tmp_path / "c.png", color=(3, 0, 0)),
    ]
    report = score(scorer, tmp_path, *files)
    assert [one.rows for one in report.slices] == [1, 1, 0, 1]
    assert "bad.png cannot be read as an image" in report.slices[2].failed
    slices = [
        PartSlice(file_name=f.name, offset_row=0, report=r) for f, r in zip(files, report.slices, strict=True)
    ]
    part = PartRef(part=tmp_path / "part", errors=None, slices=slices)
    written = write_predictions(parts=[part], destination=tmp_path / "out.csv", numbered=False)
    assert written.columns == ["given", "sum", "file_name"]
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "given,sum,file_name",
        '"uint8 (2, 4, 6, 3)",24,a.png',
        '"uint8 (1, 2, 6, 3)",24,b.png',
        '"uint8 (2, 4, 6, 3)",72,c.png',
    ]
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n1\n")
    with pytest.raises(InputError, match="rows cannot hold"):
        score(scorer, tmp_path, rows)


def test_a_mini_batch_is_decoded_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_reading, "MOST_BYTES", 100)
    seen: list[int] = []

    def predict(given: np.ndarray, count: int):
        import pyarrow as pa

        seen.append(count)
        return pa.table({"prediction": [int(one.sum()) for one in given]})

    class Given:
        kind, name = "image", "x.png"

        def __init__(self, color: int) -> None:
            self.content = io.BytesIO()
            Image.new("RGB", (6, 4), (color, 0, 0)).save(self.content, "PNG")

        def open(self) -> io.BytesIO:
            self.content.seek(0)
            return self.content

    slices = [Given(color) for color in range(5)]
    batch = image_reading.ImageBatch(slices, Needs(tensor("uint8", 4, 6, 3)), predict)
    assert [batch.answer(i).column(0)[0].as_py() for i in range(5)] == [0, 24, 48, 72, 96]
    assert seen == [2, 2, 1]


def test_pillow_is_needed_only_where_images_are_scored() -> None:
    files = {"requirements.txt": "mlflow==3.1\n"}
    assert "pillow" in EnvironmentSpec.from_model_files(files, with_images=True).requirements
    assert "pillow" not in EnvironmentSpec.from_model_files(files).requirements
    own = EnvironmentSpec.from_model_files({"requirements.txt": "Pillow==11.0\n"}, with_images=True)
    assert [one for one in own.requirements if "illow" in one] == ["Pillow==11.0"]


@pytest.mark.parametrize(
    ("dtype", "shape", "takes"),
    [
        ("uint8", (-1, 28, 28), True),
        ("float32", (-1, -1, -1, 3), True),
        ("float32", (-1, 3, 28, 28), False),
        ("float32", (-1, 784), False),
        ("str", (-1, 28, 28), False),
    ],
)
def test_a_signature_says_whether_it_takes_images(dtype: str, shape: tuple[int, ...], takes: bool) -> None:
    assert Signature(input_tensors=(Tensor(name=None, dtype=dtype, shape=shape),)).takes_images is takes
