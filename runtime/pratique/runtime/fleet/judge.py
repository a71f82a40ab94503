"""Judges one resource of each class. Knows nothing of inventories, logs and other processes.

The event loop, the HTTP client and Sigstore are imported when the first resource needs them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.fleet.classes import Classes
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.fleet.records import result_json
from pratique.runtime.now import NotYetError, run_now
from pratique.runtime.platforms import Coverage, Reach
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.scanning.background import reported
from pratique.runtime.secrets import NO_SECRETS, Secrets
from pratique.runtime.trust_options import TrustOptions

if TYPE_CHECKING:
    import asyncio

    from pratique.runtime.exemption_files import AnyExemption
    from pratique.runtime.kubernetes.settings import ClusterSettings
    from pratique.runtime.ports import ContextSource
    from pratique.runtime.run_values import RunValues
    from pratique.runtime.secrets import SecretSource
    from pratique.runtime.signatures.verifier import Verifier

CONCURRENT: Final = 32
"""Classes under way at a time in one process: registries are waited for, not computed."""
MEMORY_BYTES: Final = 128 << 20
"""Of what is known of images in one process."""

Root = dict[str, str]


class Verdict(NamedTuple):
    """What was found of a class.

    Attributes:
        results: of its rules, as `result_json` writes them.
        unasked: something could not be asked, so that another run should try again.
    """

    results: list[dict[str, Any]]
    unasked: bool


Found = Callable[[str, Verdict], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """Everything that verdicts depend on besides resources; goes to other processes as it is.

    Attributes:
        policies: those that are asked.
        exemptions: policy exceptions that count.
        store: where images are.
        trust: who may vouch for them.
        coverage: which manifests of multi-platform images are judged.
        secrets: Secrets that policies and resources name.
        objects: what else there is in the inventory, where rules ask for it.
        values: what the command line tells beside resources; None for nothing.
        cluster: the cluster that context, and Secrets that were not given, come from; None for none.
    """

    policies: ir.PolicySet
    exemptions: tuple[AnyExemption, ...] = ()
    store: StoreOptions = field(default_factory=StoreOptions)
    trust: TrustOptions = field(default_factory=TrustOptions)
    coverage: Coverage = Reach.INDEX
    secrets: Secrets = NO_SECRETS
    objects: tuple[Mapping[str, Any], ...] = ()
    values: RunValues | None = None
    cluster: ClusterSettings | None = None


class Judge:
    """Judges resources under one plan; to be closed."""

    def __init__(self, options: JudgeOptions) -> None:
        self.plan = Plan(options.policies)
        self.classes = Classes(self.plan, options.exemptions, options.values)
        self.verifications = 0
        self._options = options
        rules = options.values.rules if options.values else None
        self._given = GivenContext(objects=options.objects, values=rules)
        self._now = Engine(self.plan, None, self._given, exemptions=options.exemptions)
        self._runner: asyncio.Runner | None = None
        self._open: Any = None
        self._engine: Engine | None = None
        self._verifier: Verifier | None = None
        self._roots: dict[str, Root] = {}

    @property
    def roots(self) -> list[Root]:
        """Return the trust roots that signatures were checked against so far."""
        if self._verifier is not None:
            for root in self._verifier.roots_used:
                origin = root.origin
                told = {"name": root.name, "digest": f"sha256:{root.version}"}
                self._roots[root.version] = told | {"source": str(origin.source), "place": origin.place}
        return list(self._roots.values())

    def judge(self, batch: Sequence[tuple[str, Item]], found: Found) -> None:
        """Judge resources, and tell what was found of the class of each as soon as it is known.

        Raises:
            TransportError: the store or the trust root cannot be opened at all.
        """
        waiting = []
        for name, item in batch:
            resource = self.classes.resource(item)
            rules = self.classes.rules(resource)
            if self._options.cluster is None:
                try:
                    results = run_now(self._now.judge(resource, rules))
                except NotYetError:
                    pass
                else:
                    found(name, _verdict(reported(rules, results)))
                    continue
            waiting.append((name, item))
        if waiting:
            self._loop().run(self._wait(waiting, found))

    def close(self) -> None:
        """Close all connections."""
        if self._runner is not None:
            if self._open is not None:
                self._runner.run(self._open.__aexit__(None, None, None))
            self._runner.close()

    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            import asyncio

            self._runner = asyncio.Runner()
        return self._runner

    async def _wait(self, batch: Sequence[tuple[str, Item]], found: Found) -> None:
        import asyncio

        if self._engine is None:
            opened = self._opened()
            self._engine = await opened.__aenter__()
            self._open = opened
        engine = self._engine
        room = asyncio.Semaphore(CONCURRENT)

        async def one(name: str, item: Item) -> None:
            async with room:
                resource = self.classes.resource(item)
                rules = self.classes.rules(resource)
                results = await engine.judge(resource, rules)
                found(name, _verdict(reported(rules, results)))

        async with asyncio.TaskGroup() as group:
            for name, item in batch:
                group.create_task(one(name, item))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Engine]:
        import os
        from contextlib import AsyncExitStack

        from pratique.runtime.batch import open_verifier
        from pratique.runtime.evidence import Evidence
        from pratique.runtime.keys.references import Keys
        from pratique.runtime.lifetimes import ONE_RUN
        from pratique.runtime.memory import Memory
        from pratique.runtime.registry.open import cached, open_accesses, open_store

        options = self._options
        async with AsyncExitStack() as stack:
            client = open_store(options.store)
            store = cached(client, options.store)
            stack.push_async_callback(store.aclose)
            context: ContextSource = self._given
            secrets: SecretSource = options.secrets
            if options.cluster is not None:
                from pratique.runtime.fleet.cluster import cluster_context

                context, secrets = await stack.enter_async_context(
                    cluster_context(options.cluster, options.secrets)
                )
            self._verifier = open_verifier(options.trust)
            keys = Keys(secrets, os.environ, offline=options.store.offline)
            memory = Memory(max_bytes=MEMORY_BYTES)
            evidence = Evidence(
                store, self._verifier, keys, lifetimes=ONE_RUN, memory=memory, coverage=options.coverage
            )
            accesses = open_accesses(options.store, client, store, secrets)
            yield Engine(self.plan, evidence, context, accesses, options.exemptions)
            self.verifications = evidence.verifications


def _verdict(results: Sequence[RuleResult]) -> Verdict:
    unasked = any(check.transport for result in results for check in result.checks)
    return Verdict([result_json(result) for result in results], unasked)
