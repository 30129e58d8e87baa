from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from studio.models import DataAsset, Deployment, Endpoint, Job, Role
from tests import factories
from tests.api.programs import Program
from tests.pages.job_rows import finished


@pytest.fixture
def rows(store: Any, tmp_path: Path) -> dict[str, str]:
    """One of everything that EXAMPLES name, as they are for a person; theirs, so that owners are told apart."""
    version = factories.model_version(artifacts=[{"path": "MLmodel", "size": 1}])
    deployment = factories.deployment(model_version=version)
    node = factories.node(cluster=deployment.cluster, last_seen=timezone.now() + timedelta(hours=1))
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"})
    return {
        "model": version.registered_model.name,
        "endpoint": deployment.endpoint.name,
        "deployment": deployment.name,
        "datastore": store.name,
        "folder": asset.path,
        "asset": asset.asset.name,
        "cluster": deployment.cluster.name,
        "node": node.name,
        "person": factories.user("somebody").username,
        "free": str(tmp_path / "free"),
        "job": finished(store, deployment=deployment, summary={"rows": 2}).name,
    }


@pytest.fixture
def give_away() -> Callable[[Any], None]:
    """Makes every row somebody's; until then they are nobody's."""

    def give(person: Any) -> None:
        for kind in (Job, Endpoint, DataAsset, Deployment):
            kind.objects.update(created_by=person)

    return give


@pytest.fixture
def admin(db: None) -> Program:
    return Program()


@pytest.fixture
def scientist(db: None) -> Program:
    return Program(Role.DATA_SCIENTIST)


@pytest.fixture
def reader(db: None) -> Program:
    return Program(Role.READER, scope="read")
