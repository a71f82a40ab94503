"""One cluster and one lab for all tests of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pratique.runtime.kubernetes.settings import ClusterSettings, from_kubeconfig
from tests.support_cluster import Kubectl, kubeconfig
from tests.support_serve import build_lab


@pytest.fixture(scope="session")
def kubeconfig_file() -> Iterator[Path]:
    """The file that leads to the cluster."""
    with kubeconfig() as path:
        yield path


@pytest.fixture(scope="session")
def settings(kubeconfig_file: Path) -> ClusterSettings:
    """How the cluster is reached."""
    return from_kubeconfig(kubeconfig_file)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with signed and unsigned images."""
    return build_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def kubectl(kubeconfig_file: Path) -> Kubectl:
    """Calls kubectl."""
    return Kubectl(kubeconfig_file)
