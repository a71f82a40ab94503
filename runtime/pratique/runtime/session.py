"""One run of the command line, joined from the parts: files -> plan -> engine -> report.

Heavy parts are imported when the first resource needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.source import NO_SPAN, Location, Position, Source, Span
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import Report
from pratique.runtime.inputs import Inputs, ResourceDocument, load_resources, read_inputs
from pratique.runtime.platforms import Coverage, Reach
from pratique.runtime.policy_files import PolicyFiles, read_policy_files
from pratique.runtime.resource import Resource
from pratique.runtime.secrets import Secrets, read_secrets
from pratique.runtime.trust_options import TrustOptions

if TYPE_CHECKING:
    from pratique.runtime.batch import Progress, Work
    from pratique.runtime.context_sources import GivenContext
    from pratique.runtime.exemption_files import AnyExemption
    from pratique.runtime.registry.open import StoreOptions
    from pratique.runtime.run_values import RunValues
    from pratique.runtime.watching import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What `pratique apply` was asked to do; paths as in `read_inputs`.

    Attributes:
        plan: a saved plan, whose policies are applied; those of `policies` must then be the same, if any.
        exceptions: files of policy exceptions that count.
        exceptions_with_resources: exceptions among the resources count, too.
        exceptions_within_policies: exceptions among the policies count, too.
        targets: existing objects that rules may change; None where none can be looked up.
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
    exceptions: tuple[str, ...] = ()
    exceptions_with_resources: bool = False
    exceptions_within_policies: bool = False
    targets: tuple[str, ...] | None = None


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


def sound(
    paths: Sequence[str], stdin: Callable[[], bytes] | None = None, *, exceptions: bool = False
) -> PolicyFiles:
    """Return files of policies in which there is no mistake; raises as `load_policies`.

    Policy exceptions are a mistake unless they are asked for.
    """
    read = read_policy_files(paths, stdin, exceptions=exceptions)
    if read.mistakes:
        raise PolicyErrors(sorted(read.mistakes, key=lambda error: _place(error, read.order)))
    if read.is_empty:
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
        exemptions: policy exceptions that were named, or stand among the resources and count.
        targets: existing objects that rules may change; None where none can be looked up.
    """

    documents: tuple[ResourceDocument, ...]
    resources: tuple[Resource, ...]
    values: RunValues | None
    exemptions: tuple[AnyExemption, ...] = ()
    targets: tuple[dict[str, Any], ...] | None = None


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
    report = judge(options, plan, read_subjects(options, files), secrets, progress)
    return replace(report, notices=files.all_notices)


def policies_of_run(options: ApplyOptions) -> PolicyFiles:
    """Return the policies of the saved plan, else those of the files that were named.

    Exceptions among them are kept where they count; else each is noticed.

    Raises:
        PolicyErrors: policies have mistakes.
        UsageError: there is no policy, or the plan is refused.
    """
    if options.plan is not None:
        from pratique.runtime.saved_plans import fitting

        return fitting(options.plan, options.policies)
    files = sound(options.policies, exceptions=True)
    if options.exceptions_within_policies:
        return files
    return files.without_exceptions("without --exceptions-within-policies")


def read_subjects(
    options: ApplyOptions, files: PolicyFiles, further: Sequence[ResourceDocument] = ()
) -> Subjects:
    """Return the resources and exceptions that the options name.

    Args:
        options: what was named.
        files: the policies, whose exceptions count.
        further: more resources.

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
        str(d.data["metadata"].get("name")): d.data
        for d in documents
        if d.data.get("kind") == "Namespace" and isinstance(d.data.get("metadata"), dict)
    }
    values = _values(options)
    if values:
        namespaces |= values.namespaces
    resources = (_resource(document, namespaces, values) for document in documents)
    return Subjects(
        documents=tuple(documents),
        resources=tuple(resources),
        values=values,
        exemptions=(*files.exempting, *_exemptions(options, inputs)),
        targets=None if options.targets is None else _targets(options.targets),
    )


def _targets(paths: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Return the existing objects in files.

    Raises:
        PolicyErrors: some cannot be read.
        UsageError: nothing was named.
    """
    inputs = read_inputs(paths)
    documents, errors = load_resources(inputs.sources)
    if inputs.errors or errors:
        raise PolicyErrors([*inputs.errors, *errors])
    return tuple(document.data for document in documents)


def _exemptions(options: ApplyOptions, resources: Inputs) -> tuple[AnyExemption, ...]:
    """Return the policy exceptions that were named, and those among the resources where they count."""
    if not (options.exceptions or options.exceptions_with_resources):
        return ()
    from pratique.runtime.exemption_files import exemptions_among, read_exemptions

    among = exemptions_among(resources.sources) if options.exceptions_with_resources else ()
    return (*read_exemptions(options.exceptions), *among)


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
    from pratique.runtime.batch import Batch

    batch = Batch(
        plan=plan,
        source=given_context(subjects),
        exemptions=subjects.exemptions,
        targets=subjects.targets,
        store=options.store,
        trust=options.trust,
        coverage=options.coverage,
        secrets=secrets,
        progress=progress,
        watch=watch,
    )
    return batch.judged(work, report)


def _values(options: ApplyOptions) -> RunValues | None:
    """Return what the command line tells beside the resources; None for nothing."""
    if not (options.values_file or options.variables or options.user_info):
        return None
    from pratique.runtime.run_values import read_run_values

    return read_run_values(options.values_file, options.variables, options.user_info)


def _resource(
    document: ResourceDocument, namespaces: dict[str, dict[str, Any]], values: RunValues | None
) -> Resource:
    metadata = document.data.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    location = Location(Source(document.source_name, ""), Span.at(document.line, 1))
    found = namespaces.get(namespace or "")
    labels = found["metadata"].get("labels") or {} if found else None
    make = partial(Resource, location=location, namespace_labels=labels, namespace_object=found)
    return values.viewed(make, document.data) if values else make(document.data)


def given_context(subjects: Subjects) -> GivenContext:
    """Return what answers context entries from the resources and values alone."""
    from pratique.runtime.context_sources import GivenContext

    values = subjects.values.rules if subjects.values else None
    return GivenContext(objects=[d.data for d in subjects.documents], values=values)
