"""Images as tensors: one file is one row, and all of a mini-batch that have the same shape are predicted at once.

Values are kept as they are: uint8 stays uint8, floats are not scaled. Of several pictures in a file the first counts.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Callable, Sequence

import numpy as np
import pyarrow as pa

from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Needs

MOST_BYTES = 256 << 20  # of decoded images that are predicted at once
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
DEEP = ("I", "I;16", "I;16B", "I;16L", "F")  # of more than 8 bits
NUMBERS = "biuf"  # what numpy calls kinds

Predict = Callable[[Any, int], pa.Table]


class ImageTensor:
    """What a model wants of each image: `shape` without the batch, -1 where anything goes."""

    def __init__(self, needs: Needs, name: str) -> None:
        tensor = needs.tensor or {"dtype": "object", "shape": []}
        self.shape, self.dtype = list(tensor["shape"])[1:], np.dtype(tensor["dtype"])
        self._name = tensor.get("name")
        channels = self.shape[2] if len(self.shape) == 3 else 1
        if len(self.shape) not in (2, 3) or channels not in (-1, *MODES) or self.dtype.kind not in NUMBERS:
            raise FileFailure(
                f"{name} is an image, which fits only a model whose signature is one tensor of numbers of the shape "
                "(-1, height, width) or (-1, height, width, channels), with 1, 3 or 4 channels."
            )
        self.channels = channels

    def batch(self, images: Sequence[np.ndarray]) -> Any:
        stacked = np.stack(images)
        return {self._name: stacked} if self._name else stacked


def read_image(file: BinaryIO, name: str, wanted: ImageTensor) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError:
        raise FileFailure(
            f"{name} is an image, and the environment has no package to read it with. Add pillow to its packages."
        ) from None
    try:
        with Image.open(file) as image:
            values = _values(image, wanted, name)
    except (MemoryError, FileFailure):
        raise
    except Exception as error:  # decoders raise whatever they like
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FileFailure(f"{name} cannot be read as an image: {reason}") from error
    if any(length not in (-1, given) for length, given in zip(wanted.shape, values.shape)):
        shapes = [" × ".join(map(str, shape)) for shape in (values.shape[:2], wanted.shape[:2])]
        raise FileFailure(
            f"{name} is {shapes[0]} pixels (height × width), and the model takes {shapes[1].replace('-1', 'any')}. "
            "Resize it."
        )
    return values.astype(wanted.dtype)


def _values(image: Any, wanted: ImageTensor, name: str) -> np.ndarray:
    if image.mode in DEEP and wanted.channels in (-1, 1):
        if wanted.dtype.itemsize == 1:
            raise FileFailure(
                f"{name} has more than 8 bits for each pixel, and the model takes {wanted.dtype}."
            )
        values = np.asarray(image)
    else:
        values = np.asarray(image.convert(MODES.get(wanted.channels) or _natural_mode(image.mode)))
    return values[:, :, np.newaxis] if values.ndim == 2 and len(wanted.shape) == 3 else values


def _natural_mode(mode: str) -> str:
    if mode in ("1", "L"):
        return "L"
    return "RGBA" if mode in ("RGBA", "LA", "PA", "RGBa", "La") else "RGB"


class ImageBatch:
    """The images among the slices of a mini-batch, and what the model says of each."""

    def __init__(self, slices: Sequence[Any], needs: Needs, predict: Predict) -> None:
        self._slices, self._needs, self._predict = slices, needs, predict
        self._answers: dict[int, Any] = {}

    def answer(self, index: int) -> pa.Table:
        """One row. Raises FileFailure."""
        if index not in self._answers:
            self._predict_from(index)
        answer = self._answers.pop(index)
        if isinstance(answer, FileFailure):
            raise answer
        return answer

    def _predict_from(self, index: int) -> None:
        by_shape: dict[Any, list[tuple[int, np.ndarray]]] = {}
        size = 0
        for place in range(index, len(self._slices)):
            one = self._slices[place]
            if one.kind != "image":
                continue
            try:
                wanted = ImageTensor(self._needs, one.name)
                with one.open() as file:
                    image = read_image(file, one.name, wanted)
            except FileFailure as failure:
                self._answers[place] = failure
                continue
            by_shape.setdefault(image.shape, []).append((place, image))
            size += image.nbytes
            if size >= MOST_BYTES:
                break
        for group in by_shape.values():
            table = self._predict(wanted.batch([image for _, image in group]), len(group))
            for row, (place, _) in enumerate(group):
                self._answers[place] = table.slice(row, 1)
