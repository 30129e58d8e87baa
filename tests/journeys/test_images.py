"""A folder of images, one of which is none, through a model of tensors."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import (
    choose_dataset,
    fill_deployment,
    next_step,
    predictions,
    upload,
    wait_for_model,
)

MODEL = """
import numpy as np
from mlflow.types import Schema, TensorSpec

class Brightness(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return np.asarray(model_input).mean(axis=(1, 2, 3))

signature = mlflow.models.ModelSignature(inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, 8, 8, 3))]))
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Brightness(), registered_model_name="brightness", signature=signature,
        pip_requirements=["mlflow==3.17.2", "numpy==2.4.6"],
    )
"""


@pytest.mark.journey
def test_a_folder_of_images(studio: RunningStudio, page: Page, tmp_path: Path) -> None:
    studio.in_notebook(MODEL)
    wait_for_model(studio, "brightness")
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Endpoint name").fill("photographs")
    next_step(page, "Model")
    fill_deployment(page, model="brightness", deployment="mean")
    expect(page.get_by_role("link", name="Create job").first).to_be_visible(timeout=60_000)
    upload(page, "photographs", pictures(tmp_path), is_folder=True)

    page.goto("/endpoints/photographs/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    choose_dataset(page, "photographs")
    expect(page.locator("#input-check")).to_contain_text("Each image is a row")
    expect(page.locator("#input-check")).to_contain_text("uint8, 8 × 8 × 3")
    next_step(page, "Configure output location")
    next_step(page, "Review")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("main")).to_contain_text("Completed, 2 of 12 files failed", timeout=60_000)
    job = page.url.rstrip("/").rsplit("/", 1)[1]
    assert predictions(studio.output(job)) == [
        {"prediction": str(shade), "file_name": f"{shade:03}.{'jpg' if shade == 90 else 'png'}"}
        for shade in range(0, 100, 10)
    ]
    page.get_by_role("link", name="Errors").click()
    expect(page.locator("main")).to_contain_text("no-image.png cannot be read as an image")
    expect(page.locator("main")).to_contain_text("too-large.png is 9 × 8 pixels")


def pictures(folder: Path) -> list[Path]:
    """Ten grey squares, JPEG among them, whose mean is in their name; text that is named like one; and a larger one."""
    for shade in range(0, 100, 10):
        suffix = "jpg" if shade == 90 else "png"
        Image.new("RGB", (8, 8), (shade, shade, shade)).save(folder / f"{shade:03}.{suffix}")
    (folder / "no-image.png").write_text("no image")
    Image.new("RGB", (8, 9)).save(folder / "too-large.png")
    return sorted(folder.iterdir())
