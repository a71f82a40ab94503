"""A scan as the command line asks for it, joined from the parts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.digest import digest
from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.runtime.fleet.classes import Classes, asks_namespaces, asks_objects
from pratique.runtime.fleet.files import FileInventory
from pratique.runtime.fleet.inventory import Inventory
from pratique.runtime.fleet.judge import Found, JudgeOptions
from pratique.runtime.fleet.log import Header, Log
from pratique.runtime.fleet.scan import Here, Judging, Progress, scan
from pratique.runtime.fleet.sharding import WHOLE, Shard
from pratique.runtime.platforms import Coverage, Reach
from pratique.runtime.policy_files import PolicyFiles
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.scanning.background import is_scanned
from pratique.runtime.secrets import read_secrets
from pratique.runtime.trust_options import TrustOptions

if TYPE_CHECKING:
    from pratique.runtime.kubernetes.settings import ClusterSettings
    from pratique.runtime.run_values import RunValues

AUTOMATIC: Final = "auto"
"""Stands for a log whose name follows from what is scanned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What `pratique scan` was asked to do; policies and exceptions as in `session.ApplyOptions`.

    Attributes:
        inventory: files of objects; empty for a cluster.
        cluster: the cluster that is looked at; None for files.
        state: path of the log, `AUTOMATIC`, or empty for one that is thrown away.
        shard: which part of the inventory.
        workers: processes that judge; 1 for this one.
        dask: address of a Dask scheduler, or `local`; empty for none.
    """

    policies: tuple[str, ...]
    inventory: tuple[str, ...] = ()
    cluster: ClusterSettings | None = None
    store: StoreOptions = field(default_factory=StoreOptions)
    trust: TrustOptions = field(default_factory=TrustOptions)
    coverage: Coverage = Reach.INDEX
    secrets: tuple[str, ...] = ()
    values_file: Path | None = None
    variables: tuple[str, ...] = ()
    plan: Path | None = None
    exceptions: tuple[str, ...] = ()
    exceptions_within_policies: bool = False
    state: str = ""
    shard: Shard = WHOLE
    workers: int = 1
    dask: str = ""


@contextmanager
def scanned(options: ScanOptions, progress: Progress) -> Iterator[Path]:
    """Scan, and give the finished log; it is gone afterwards unless the options name it.

    Raises:
        PolicyErrors: policies or resources cannot be used.
        UsageError: nothing to do was named, or the log is that of another scan.
        TransportError: the cluster, the store or the trust root cannot be asked at all.
    """
    files = _policies(options)
    plan = Plan(files.policies)
    exemptions = (*files.exempting, *_exemptions(options))
    values = _values(options)
    with _opened(options, plan, exemptions) as inventory:
        objects: tuple[Mapping[str, Any], ...] = ()
        if isinstance(inventory, FileInventory):
            objects = _look_ahead(inventory, plan, exemptions, values)
        judge = JudgeOptions(
            policies=files.policies,
            exemptions=exemptions,
            store=options.store,
            trust=options.trust,
            coverage=options.coverage,
            secrets=read_secrets(options.secrets),
            objects=objects,
            values=values,
            cluster=options.cluster,
        )
        header = _header(options, plan, files, exemptions, inventory)
        with _path(options, header) as path:
            log = Log(path, header)
            try:
                scan(
                    inventory,
                    Classes(plan, exemptions, values),
                    log,
                    _judging(options, judge),
                    options.shard,
                    progress,
                )
            finally:
                log.close()
            yield path


def _policies(options: ScanOptions) -> PolicyFiles:
    from pratique.runtime.session import ApplyOptions, policies_of_run

    return policies_of_run(
        ApplyOptions(
            policies=options.policies,
            resources=(),
            store=options.store,
            plan=options.plan,
            exceptions_within_policies=options.exceptions_within_policies,
        )
    )


def _exemptions(options: ScanOptions) -> tuple[Any, ...]:
    if not options.exceptions:
        return ()
    from pratique.runtime.exemption_files import read_exemptions

    return read_exemptions(options.exceptions)


def _values(options: ScanOptions) -> RunValues | None:
    if not (options.values_file or options.variables):
        return None
    from pratique.runtime.run_values import read_run_values

    # What exists is presented as if it were created, whatever requests the values tell of.
    return replace(read_run_values(options.values_file, options.variables, None), operation="CREATE")


@contextmanager
def _opened(options: ScanOptions, plan: Plan, exemptions: tuple[Any, ...]) -> Iterator[Inventory]:
    if options.cluster is None:
        files = FileInventory(options.inventory)
        try:
            yield files
        finally:
            files.close()
        return
    from pratique.runtime.fleet.cluster import ClusterInventory

    cluster = ClusterInventory(options.cluster, plan, exemptions)
    try:
        yield cluster
    finally:
        cluster.close()


def _look_ahead(
    inventory: FileInventory, plan: Plan, exemptions: tuple[Any, ...], values: RunValues | None
) -> tuple[Mapping[str, Any], ...]:
    """Read ahead what rules ask of other objects; in most scans nothing."""
    objects: list[dict[str, Any]] = []
    if asks_objects(plan) or asks_namespaces(plan, exemptions):
        objects = inventory.look_ahead(everything=asks_objects(plan))
    if values:
        inventory.namespaces |= values.namespaces
    return tuple(objects)


def _judging(options: ScanOptions, judge: JudgeOptions) -> Callable[[Found], Judging]:
    if options.dask:
        from pratique.runtime.fleet.dask import on_dask

        return on_dask(options.dask, judge)
    if options.workers > 1:
        from pratique.runtime.fleet.elsewhere import in_processes

        return in_processes(options.workers, judge)
    return lambda found: Here(judge, found)


def _header(
    options: ScanOptions, plan: Plan, files: PolicyFiles, exemptions: tuple[Any, ...], inventory: Inventory
) -> Header:
    asked = [planned for planned in plan.rules if is_scanned(planned.policy, planned.rule)]
    trust = [f"{root.name}={_content(root.path) if root.path else ''}" for root in options.trust.roots]
    images = "layout " + str(options.store.layout.resolve()) if options.store.layout else "registries"
    about = {
        "policies": digest(files.policies, exemptions),
        "inventory": f"{inventory.identity.kind} {inventory.identity.id}",
        "images": " ".join([images, *(f"{host}={url}" for host, url in options.store.mirrors)]),
        "trust": " ".join(trust),
        "platform": str(options.coverage),
        "values": " ".join([_content(options.values_file), *options.variables]).strip(),
    }
    return Header(
        about=about,
        shard=options.shard,
        policies=len({planned.policy.key for planned in asked}),
        rules=len(asked),
        notices=(*files.all_notices, *_left_out(plan), *inventory.notices),
    )


def _left_out(plan: Plan) -> Iterator[str]:
    """Yield a word on each policy that is not asked, or not all of it."""
    for policy in plan.policies.policies:
        if not policy.background:
            yield f"{policy.kind} {policy.key} takes no part in background scans (background: false)"
            continue
        rules = [
            each.rule
            for each in plan.rules
            if each.policy is policy and not is_scanned(each.policy, each.rule)
        ]
        named = [rule.name for rule in rules if not rule.generated_from]
        if rules:
            what = f" (rules {', '.join(named)})" if any(named) else ""
            text = f"a scan judges only, what it changes or makes is not asked{what}"
            yield f"{policy.kind} {policy.key}: {text}"


def _content(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@contextmanager
def _path(options: ScanOptions, header: Header) -> Iterator[Path]:
    """Give the path of the log: the one that was named, or one that does not last."""
    if options.state == AUTOMATIC:
        text = repr((sorted(header.about.items()), header.shard))
        yield Path(f"pratique-scan-{hashlib.sha256(text.encode()).hexdigest()[:12]}.log")
    elif options.state:
        yield Path(options.state)
    else:
        with tempfile.TemporaryDirectory(prefix="pratique-scan-") as folder:
            yield Path(folder, "scan.log")
