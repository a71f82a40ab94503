"""Resources judged together: at once what waits for nothing, the rest in an event loop.

The only place, with the webhook, where ports and implementations meet. The event loop, the HTTP client and
Sigstore are imported when the first resource needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pratique.compiler.plan import Plan
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import Report, Requests, RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.now import NotYetError, run_now
from pratique.runtime.platforms import Coverage
from pratique.runtime.ports import ContextSource
from pratique.runtime.resource import Resource
from pratique.runtime.secrets import Secrets
from pratique.runtime.trust_options import TrustOptions

if TYPE_CHECKING:
    from pratique.runtime.exemption_files import AnyExemption
    from pratique.runtime.registry.open import StoreOptions
    from pratique.runtime.signatures.verifier import Verifier
    from pratique.runtime.watching import Watch

MAX_CONCURRENT_RESOURCES = 16

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many resources are judged, how many there are, and what is being done."""

Work: TypeAlias = list[tuple[Resource, list[Applicable]]]
"""Resources with the rules that apply to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What resources are judged with.

    Attributes:
        source: answers context entries.
        exemptions: policy exceptions that count.
        store: where images are.
        trust: who may vouch for them.
        watch: is told what is asked; resources are then judged one after the other.
        targets: existing objects that rules may change; None where none can be looked up.
    """

    plan: Plan
    source: ContextSource
    exemptions: Sequence[AnyExemption]
    store: StoreOptions
    trust: TrustOptions
    coverage: Coverage
    secrets: Secrets
    progress: Progress | None = None
    watch: Watch | None = None
    targets: Sequence[Mapping[str, Any]] | None = None

    def judged(self, work: Work, report: Report) -> Report:
        """Return a report with the results, in the order of the plan, and what they cost.

        Raises:
            TransportError: the store or the trust root cannot be opened at all.
        """
        engine = Engine(self.plan, None, self.source, exemptions=self.exemptions, targets=self.targets)
        found: dict[int, tuple[RuleResult, ...]] = {}
        waiting = []
        for number, (resource, rules) in enumerate(work):
            try:
                found[number] = run_now(engine.judge(resource, rules))
            except NotYetError:
                waiting.append(number)
                continue
            self._tell(len(found), len(work), resource)
        if waiting:
            report, results = self._wait([work[number] for number in waiting], report, len(work))
            found.update(zip(waiting, results, strict=True))
        listed = [result for number in sorted(found) for result in found[number]]
        return replace(report, results=tuple(sorted(listed, key=lambda result: result.number)))

    def _tell(self, done: int, total: int, resource: Resource) -> None:
        if self.progress:
            self.progress(done, total, str(resource.id))

    def _wait(self, work: Work, report: Report, total: int) -> tuple[Report, list[tuple[RuleResult, ...]]]:
        """Judge what asks registries; return the report with its cost, and the results of each resource."""
        import asyncio
        import os

        from pratique.runtime.evidence import Evidence
        from pratique.runtime.keys.references import Keys
        from pratique.runtime.registry.counting import CountingStore
        from pratique.runtime.registry.open import cached, open_accesses, open_store
        from pratique.runtime.signatures.root_report import root_lines
        from pratique.runtime.watching import UNWATCHED, Spent

        async def run() -> tuple[Report, list[tuple[RuleResult, ...]]]:
            client = open_store(self.store)
            counting = CountingStore(client)
            store = cached(counting, self.store)
            watch = self.watch
            try:
                keys = Keys(self.secrets, os.environ, offline=self.store.offline)
                verifier = open_verifier(self.trust)
                evidence = Evidence(store, verifier, keys, coverage=self.coverage, watch=watch or UNWATCHED)
                if watch:
                    watch.counts(lambda: Spent(counting.requests, evidence.verifications))
                accesses = open_accesses(self.store, client, store, self.secrets)
                engine = Engine(
                    self.plan, evidence, self.source, accesses, self.exemptions, targets=self.targets
                )
                room = asyncio.Semaphore(1 if watch else MAX_CONCURRENT_RESOURCES)
                done = total - len(work)

                async def one(resource: Resource, rules: list[Applicable]) -> tuple[RuleResult, ...]:
                    nonlocal done
                    async with room:
                        results = await engine.judge(resource, rules)
                    done += 1
                    self._tell(done, total, resource)
                    return results

                found = await asyncio.gather(*(one(resource, rules) for resource, rules in work))
                requests: Requests = counting.requests
                told = replace(
                    report,
                    requests=requests,
                    verifications=evidence.verifications,
                    roots=root_lines(verifier.roots_used),
                )
                return told, found
            finally:
                await store.aclose()

        return asyncio.run(run())


def open_verifier(trust: TrustOptions) -> Verifier:
    """Return the verifier of a run; the trust roots are read when a policy first needs them."""
    from pratique.runtime.signatures.verifier import Verifier

    return Verifier.of(trust)
