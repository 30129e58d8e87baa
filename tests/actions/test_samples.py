"""The sample of the first start."""

from studio.actions.samples import PACKAGES
from tests.dependencies import installed


def test_the_samples_model_needs_only_what_the_studio_installs() -> None:
    """Where its tests are not installed, too."""
    assert set(PACKAGES) <= {key.partition("[")[0] for key in installed()}
