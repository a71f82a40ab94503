"""One run of `pratique explain`: files -> plan -> what it says, whom it concerns, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pratique.compiler import plan_cost
from pratique.compiler.digest import digest
from pratique.compiler.explain import pruning
from pratique.compiler.explain.explanation import Explanation, explain
from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.grammar.image_reference import ImageReferenceError, parse_image
from pratique.runtime.analysis import Analysis, analysis
from pratique.runtime.inputs import ResourceDocument
from pratique.runtime.policy_files import PolicyFiles
from pratique.runtime.rule_reasons import GIVEN_IMAGE, ResourceReasons, reasons
from pratique.runtime.secrets import read_secrets
from pratique.runtime.session import (
    ApplyOptions,
    Subjects,
    given_context,
    judge,
    policies_of_run,
    read_subjects,
)

if TYPE_CHECKING:
    from pratique.runtime.batch import Progress

POD_NAME = "pod"
"""Name of the Pod that an image is taken to be in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOptions:
    """What `pratique explain` was asked to do.

    Attributes:
        apply: policies, resources, and where images and trust come from.
        images: references, each taken to be the image of a Pod in `namespace`.
        inventory: file of images, or `cluster`; empty for none.
        kubeconfig: how that cluster is reached; empty for the usual way.
        context: of the kubeconfig.
        analyze: run the plan over the resources.
    """

    apply: ApplyOptions
    images: tuple[str, ...] = ()
    namespace: str = "default"
    inventory: str = ""
    kubeconfig: str = ""
    context: str = ""
    analyze: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainReport:
    """What there is to say.

    Attributes:
        files: the policies as they were read.
        digest: of the policy set (see `compiler.digest`).
        reasons: for each resource that was named.
        analysis: of the run; None where nothing was run.
    """

    explanation: Explanation
    files: PolicyFiles
    digest: str
    reasons: tuple[ResourceReasons, ...] = ()
    analysis: Analysis | None = None
    notices: tuple[str, ...] = ()


def explained(options: ExplainOptions, *, progress: Progress | None = None) -> ExplainReport:
    """Return what there is to say about policies.

    Raises:
        PolicyErrors: policies, resources or the inventory cannot be used.
        UsageError: nothing to do was named, or a saved plan is refused.
        TransportError: the store or the trust root cannot be opened at all.
    """
    files = policies_of_run(options.apply)
    plan = Plan(files.policies)
    subjects = read_subjects(options.apply, files, _pods(options))
    if options.analyze and not subjects.documents:
        raise UsageError("--analyze needs something to run the plan on: --resource FILE or --image REFERENCE")
    explanation, told = _explanation(plan, options, subjects)
    report = ExplainReport(
        explanation=explanation,
        files=files,
        digest=digest(files.policies, files.exempting),
        reasons=_reasons(plan, subjects) if subjects.resources else (),
        notices=(*files.all_notices, *told),
    )
    if not options.analyze:
        return report
    return replace(report, analysis=_analysis(options, explanation, subjects, progress))


def _reasons(plan: Plan, subjects: Subjects) -> tuple[ResourceReasons, ...]:
    given = given_context(subjects)
    return tuple(reasons(plan, each, given, subjects.exemptions) for each in subjects.resources)


def _pods(options: ExplainOptions) -> list[ResourceDocument]:
    """Return a Pod for each image that was named."""
    found = []
    for number, image in enumerate(options.images):
        try:
            parse_image(image)
        except ImageReferenceError as error:
            raise UsageError(f"--image {image}: {error}") from error
        name = POD_NAME if len(options.images) == 1 else f"{POD_NAME}-{number + 1}"
        data = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": options.namespace},
            "spec": {"containers": [{"image": image}]},
        }
        found.append(ResourceDocument(data=data, source_name=GIVEN_IMAGE, line=number + 1))
    return found


def _explanation(
    plan: Plan, options: ExplainOptions, subjects: Subjects
) -> tuple[Explanation, tuple[str, ...]]:
    """Count globs against the inventory, else the images of the run, else the examples of each other.

    With the plan comes what is worth a word about the inventory.
    """
    images: Sequence[str]
    kept: Mapping[int, pruning.Kept]
    told: tuple[str, ...] = ()
    if options.inventory:
        from pratique.runtime.inventories import find_inventory

        read = find_inventory(options.inventory, options.kubeconfig, options.context)
        images, universe, told = read.inventory.images, pruning.INVENTORY, read.notices
        kept = pruning.of_inventory(plan.graph, images)
    elif options.analyze:
        uses = (use for resource in subjects.resources for use in resource.images if use.image)
        images, universe = tuple(dict.fromkeys(use.match_string for use in uses)), pruning.RESOURCES
        kept = pruning.of_inventory(plan.graph, images)
    else:
        found, universe = pruning.examples(plan.graph), pruning.EXAMPLES
        images, kept = tuple(dict.fromkeys(found.values())), pruning.of_examples(plan.graph, found)
    return explain(plan, kept, universe if kept else "", plan_cost.heaviest(plan, images)), told


def _analysis(
    options: ExplainOptions, explanation: Explanation, subjects: Subjects, progress: Progress | None
) -> Analysis:
    from pratique.runtime.measuring import Meter

    secrets, meter = read_secrets(options.apply.secrets), Meter()
    start, cpu = time.perf_counter(), time.process_time()
    report = judge(options.apply, explanation.plan, subjects, secrets, progress, meter)
    return analysis(
        explanation,
        report,
        meter.measured,
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu,
    )
