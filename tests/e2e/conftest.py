"""One cluster for all tests of a run."""

from collections.abc import Iterator

import pytest

from pratique.runtime.kubernetes.settings import ClusterSettings, from_kubeconfig
from tests.support_cluster import kubeconfig


@pytest.fixture(scope="session")
def settings() -> Iterator[ClusterSettings]:
    """How the cluster is reached."""
    with kubeconfig() as path:
        yield from_kubeconfig(path)
