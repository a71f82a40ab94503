"""One run of the command line, joined from the parts: files -> plan -> engine -> report.

The only place, with the webhook, where ports and implementations meet. Heavy parts (event loop, HTTP client,
Sigstore) are imported when the first resource needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.source import NO_SPAN, Location, Position, Source, Span
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.decision import Report, Requests, RuleResult
from pratique.runtime.inputs import ResourceDocument, load_resources, read_inputs
from pratique.runtime.platforms import Coverage, Reach
from pratique.runtime.policy_files import PolicyFiles, read_policy_files
from pratique.runtime.resource import Resource
from pratique.runtime.secrets import Secrets, read_secrets
from pratique.runtime.trust_options import TrustOptions

if TYPE_CHECKING:
    from pratique.runtime.context_sources import GivenContext
    from pratique.runtime.registry.open import StoreOptions
    from pratique.runtime.run_values import RunValues
    from pratique.runtime.signatures.verifier import Verifier
    from pratique.runtime.watching import Watch

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many resources are judged, how many there are, and what is being done."""

MAX_CONCURRENT_RESOURCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What `pratique apply` was asked to do; paths as in `read_inputs`.

    Attributes:
        plan: a saved plan, whose policies are applied; those of `policies` must then be the same, if any.
    """

    policies: tuple[str, ...]
    resources: tuple[str, ...]
    store: StoreOptions
    trust: TrustOptions = field(default_factory=TrustOptions)
    secrets: tuple[str, ...] = ()
    values_file: Path | None = None
    variables: tuple[str, ...] = ()
    user_info: Path | None = None
    coverage: Coverage = Reach.INDEX
    plan: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Policies read and compiled to the IR, with what was said on the way."""

    policies: ir.PolicySet
    notices: tuple[str, ...] = field(default=())


def load_policies(paths: Sequence[str], stdin: Callable[[], bytes] | None = None) -> Loaded:
    """Return the policies in files, folders, globs or standard input.

    Raises:
        PolicyErrors: all mistakes of all files.
        UsageError: nothing was named, or there is no policy in what was named.
    """
    read = sound(paths, stdin)
    return Loaded(policies=read.policies, notices=read.all_notices)


def sound(paths: Sequence[str], stdin: Callable[[], bytes] | None = None) -> PolicyFiles:
    """Return files of policies in which there is no mistake; raises as `load_policies`."""
    read = read_policy_files(paths, stdin)
    if read.mistakes:
        raise PolicyErrors(sorted(read.mistakes, key=lambda error: _place(error, read.order)))
    if not read.documents:
        raise UsageError(f"no policy in {', '.join(paths)}")
    return read


def _place(error: PolicyError, order: Mapping[str, int]) -> tuple[int, Position]:
    """Return the sorting key of an error: files in the order they were named, then positions."""
    if error.location is None:
        return -1, NO_SPAN.start
    return order.get(error.location.source.name, -1), error.location.span.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What policies are applied to.

    Attributes:
        documents: the objects, as they were read.
        resources: the same as policies see them.
        values: what the command line tells besides; None for nothing.
    """

    documents: tuple[ResourceDocument, ...]
    resources: tuple[Resource, ...]
    values: RunValues | None


Work: TypeAlias = list[tuple[Resource, list[Applicable]]]
"""Resources with the rules that apply to them."""


def apply(options: ApplyOptions, *, progress: Progress | None = None) -> Report:
    """Return what the policies say about the resources.

    Raises:
        PolicyErrors: policies or resources cannot be used.
        UsageError: nothing to do was named.
        TransportError: the store or the trust root cannot be opened at all.
    """
    files = policies_of_run(options)
    secrets = read_secrets(options.secrets)
    plan = Plan(files.policies)
    report = judge(options, plan, read_subjects(options), secrets, progress)
    return replace(report, notices=files.all_notices)


def policies_of_run(options: ApplyOptions) -> PolicyFiles:
    """Return the policies of the saved plan, else those of the files that were named.

    Raises:
        PolicyErrors: policies have mistakes.
        UsageError: there is no policy, or the plan is refused.
    """
    if options.plan is None:
        return sound(options.policies)
    from pratique.runtime.saved_plans import fitting

    return fitting(options.plan, options.policies)


def read_subjects(options: ApplyOptions, further: Sequence[ResourceDocument] = ()) -> Subjects:
    """Return the resources that the options name, and `further` ones.

    Raises:
        PolicyErrors: some cannot be used.
        UsageError: the values cannot be read.
    """
    inputs = read_inputs(options.resources)
    documents, errors = load_resources(inputs.sources)
    if inputs.errors or errors:
        raise PolicyErrors([*inputs.errors, *errors])
    documents += further
    namespaces = {
        str(d.data["metadata"]["name"]): d.data["metadata"].get("labels") or {}
        for d in documents
        if d.data.get("kind") == "Namespace" and isinstance(d.data.get("metadata"), dict)
    }
    values = _values(options)
    if values:
        namespaces |= values.namespaces
    resources = (_resource(document, namespaces, values) for document in documents)
    return Subjects(documents=tuple(documents), resources=tuple(resources), values=values)


def judge(
    options: ApplyOptions,
    plan: Plan,
    subjects: Subjects,
    secrets: Secrets,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Report:
    """Return what a plan says about the resources.

    Args:
        options: where images and trust come from.
        plan: the policies.
        subjects: the resources.
        secrets: Secrets that policies and resources name.
        progress: is told how far the run is.
        watch: is told what is asked; resources are then judged one after the other.

    Raises:
        TransportError: the store or the trust root cannot be opened at all.
    """
    work: Work = []
    images: set[str] = set()
    for resource in subjects.resources:
        rules = applicable(plan, resource)
        if rules:
            work.append((resource, rules))
            images.update(use.match_string for rule in rules for use in rule.uses)
    report = Report(
        results=(),
        policies=len(plan.policies.policies),
        rules=len(plan.rules),
        resources=len(subjects.documents),
        images=len(images),
    )
    if not work:
        return report
    return _judge(options, plan, work, report, secrets, given_context(subjects), progress, watch)


def _values(options: ApplyOptions) -> RunValues | None:
    """Return what the command line tells beside the resources; None for nothing."""
    if not (options.values_file or options.variables or options.user_info):
        return None
    from pratique.runtime.run_values import read_run_values

    return read_run_values(options.values_file, options.variables, options.user_info)


def _resource(
    document: ResourceDocument, namespaces: dict[str, dict[str, str]], values: RunValues | None
) -> Resource:
    metadata = document.data.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    location = Location(Source(document.source_name, ""), Span.at(document.line, 1))
    make = partial(Resource, location=location, namespace_labels=namespaces.get(namespace or ""))
    return values.viewed(make, document.data) if values else make(document.data)


def given_context(subjects: Subjects) -> GivenContext:
    """Return what answers context entries from the resources and values alone."""
    from pratique.runtime.context_sources import GivenContext

    values = subjects.values.rules if subjects.values else None
    return GivenContext(objects=[d.data for d in subjects.documents], values=values)


def _judge(
    options: ApplyOptions,
    plan: Plan,
    work: Work,
    report: Report,
    secrets: Secrets,
    given: GivenContext,
    progress: Progress | None,
    watch: Watch | None,
) -> Report:
    """Judge what waits for nothing at once, and the rest in an event loop."""
    from pratique.runtime.engine import Engine
    from pratique.runtime.now import NotYetError, run_now

    engine = Engine(plan, None, given)
    found: dict[int, tuple[RuleResult, ...]] = {}
    waiting = []
    for number, (resource, rules) in enumerate(work):
        try:
            found[number] = run_now(engine.judge(resource, rules))
        except NotYetError:
            waiting.append(number)
            continue
        if progress:
            progress(len(found), len(work), str(resource.id))
    if waiting:
        told = partial(_told, progress, len(found), len(work))
        left = [work[number] for number in waiting]
        report, results = _judge_waiting(options, plan, left, report, secrets, given, told, watch)
        found.update(zip(waiting, results, strict=True))
    order = {(p.policy.key, p.rule.name): p.number for p in reversed(plan.rules)}
    listed = [result for number in sorted(found) for result in found[number]]
    return replace(report, results=tuple(sorted(listed, key=lambda r: order[r.policy, r.rule])))


def _told(progress: Progress | None, before: int, total: int, done: int, what: str) -> None:
    if progress:
        progress(before + done, total, what)


def _judge_waiting(
    options: ApplyOptions,
    plan: Plan,
    work: Work,
    report: Report,
    secrets: Secrets,
    given: GivenContext,
    progress: Callable[[int, str], None],
    watch: Watch | None,
) -> tuple[Report, list[tuple[RuleResult, ...]]]:
    """Judge what asks registries; return the report with what it cost, and the results of each resource."""
    import asyncio
    import os

    from pratique.runtime.engine import Engine
    from pratique.runtime.evidence import Evidence
    from pratique.runtime.keys.references import Keys
    from pratique.runtime.registry.counting import CountingStore
    from pratique.runtime.registry.open import cached, open_accesses, open_store
    from pratique.runtime.signatures.root_report import root_lines
    from pratique.runtime.watching import UNWATCHED, Spent

    async def run() -> tuple[Report, list[tuple[RuleResult, ...]]]:
        client = open_store(options.store)
        counting = CountingStore(client)
        store = cached(counting, options.store)
        try:
            keys = Keys(secrets, os.environ, offline=options.store.offline)
            verifier = open_verifier(options.trust)
            evidence = Evidence(store, verifier, keys, coverage=options.coverage, watch=watch or UNWATCHED)
            if watch:
                watch.counts(lambda: Spent(counting.requests, evidence.verifications))
            accesses = open_accesses(options.store, client, store, secrets)
            engine = Engine(plan, evidence, given, accesses)
            room = asyncio.Semaphore(1 if watch else MAX_CONCURRENT_RESOURCES)
            done = 0

            async def one(resource: Resource, rules: list[Applicable]) -> tuple[RuleResult, ...]:
                nonlocal done
                async with room:
                    results = await engine.judge(resource, rules)
                done += 1
                progress(done, str(resource.id))
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
