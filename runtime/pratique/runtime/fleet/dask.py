"""Judging on the workers of a Dask cluster, which need pratique, and the files that the options name.

References: `distributed.Client.get_executor` (Dask 2024.8 and later).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.fleet.elsewhere import Elsewhere, close_judges
from pratique.runtime.fleet.judge import Found, JudgeOptions
from pratique.runtime.secrets import NO_SECRETS

LOCAL: Final = "local"
"""Stands for workers of this machine, as many as it has cores, for as long as the scan lasts."""
SECONDS: Final = 30


def on_dask(address: str, options: JudgeOptions) -> Callable[[Found], Elsewhere]:
    """Return what opens lanes on a Dask cluster.

    Args:
        address: of the scheduler, or `LOCAL`.
        options: go to the workers.

    Raises:
        UsageError: Dask is not installed, or credentials would go over a line that anybody can read.
    """
    secret = options.cluster is not None or options.secrets != NO_SECRETS
    if secret and address != LOCAL and not address.startswith("tls://"):
        raise UsageError(
            "credentials of the cluster, and Secrets, go to Dask workers over tls:// only; give an inventory"
            " without --secrets, or a scheduler with TLS"
        )
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise UsageError("--dask needs Dask: pip install 'pratique[dask]'") from error
    # Its processes tell each step at level INFO, on our standard error.
    logging.getLogger("distributed").setLevel(logging.ERROR)

    def opened(found: Found) -> Elsewhere:
        client = _client(distributed, address)
        workers = list(client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            client.close()
            raise TransportError("dask-unreachable", f"{address}: the Dask cluster has no workers")
        # A lane prefers its worker, and may go to another one if it is lost.
        lanes = [
            client.get_executor(workers=[worker], allow_other_workers=True, pure=False) for worker in workers
        ]

        def shut_down() -> None:
            try:
                # As tasks: what `Client.run` runs, it runs in the event loop of the worker.
                closing = [client.submit(close_judges, workers=[w], pure=False) for w in workers]
                distributed.wait(closing, timeout=SECONDS)
            except (TimeoutError, OSError):
                pass  # they end with the scheduler's connection
            finally:
                client.close()
                if client.cluster is not None:
                    client.cluster.close()

        return Elsewhere(lanes, options, found, shut_down)

    return opened


def _client(distributed: Any, address: str) -> Any:
    if address == LOCAL:
        cluster = distributed.LocalCluster(
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=logging.ERROR,
        )
        return distributed.Client(cluster)
    try:
        return distributed.Client(address, timeout=SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise TransportError("dask-unreachable", f"{address}: no Dask scheduler answers") from error
