"""Rules for Pods, made into rules for the controllers that create Pods.

References: Kyverno 1.19 `pkg/autogen`: the same controllers, names, conditions and annotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pratique.compiler import bodies, ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.kyverno.autogen_bodies import nested
from pratique.compiler.kyverno.regions import kind_selector
from pratique.compiler.kyverno.rewriting import rewrite_texts
from pratique.grammar.documents.kyverno import Generation, MatchResources, ResourceDescription, Rule

ANNOTATION: Final = "pod-policies.kyverno.io/autogen-controllers"
MAX_NAME: Final = 63

CONTROLLERS: Final = {
    "DaemonSet": "apps/v1/DaemonSet",
    "Deployment": "apps/v1/Deployment",
    "Job": "batch/v1/Job",
    "StatefulSet": "apps/v1/StatefulSet",
    "ReplicaSet": "apps/v1/ReplicaSet",
    "ReplicationController": "v1/ReplicationController",
}
CRON_JOB: Final = "batch/v1/CronJob"
_POD_KINDS: Final = ("Pod", *CONTROLLERS, "CronJob")


@dataclass(frozen=True, slots=True)
class Family:
    """One generated rule: its prefix, the kinds it speaks about and where their pod template is."""

    prefix: str
    kinds: tuple[str, ...]
    template: str

    def replacements(self, *, cel: bool) -> tuple[tuple[str, str], ...]:
        """Return what paths into a Pod become in the texts of a rule; with `cel` also those of CEL."""
        before = "" if cel else "request."
        return tuple(
            (f"{before}{side}.{part}", f"{before}{side}.{self.template}.{part}")
            for side in ("object", "oldObject")
            for part in ("spec", "metadata")
        )


def families(rules: Sequence[Rule], annotation: str | None) -> tuple[Family, ...]:
    """Return the families to generate for a policy: none if any rule rules generation out for all.

    `annotation` is the value of `pod-policies.kyverno.io/autogen-controllers`, None where absent.
    """
    if not _possible(rules):
        return ()
    wanted = set(_POD_KINDS)
    if annotation is not None:
        wanted &= {name.strip() for name in annotation.split(",")}
    controllers = tuple(kinds for name, kinds in CONTROLLERS.items() if name in wanted)
    made = []
    if controllers:
        made.append(Family("autogen-", controllers, "spec.template"))
    if "CronJob" in wanted:
        made.append(Family("autogen-cronjob-", (CRON_JOB,), "spec.jobTemplate.spec.template"))
    return tuple(made)


def _possible(rules: Sequence[Rule]) -> bool:
    plain = False
    for rule in rules:
        if rule.generate not in (None, Generation()) or _patches_json(rule):
            return False
        for block in (rule.match, rule.exclude):
            for described in _descriptions(block):
                kinds = described.kinds or ()
                if described.name or described.names or described.selector or described.annotations:
                    return False
                if len(kinds) > 1 and "Pod" in kinds:
                    return False
                plain = plain or any(kind in _POD_KINDS for kind in kinds)
    return plain


def _patches_json(rule: Rule) -> bool:
    """Say whether a rule has JSON patches, in loops inside loops not looked for."""
    if rule.mutate is None:
        return False
    loops = rule.mutate.foreach
    return bool(rule.mutate.patches_json6902) or any(loop.patches_json6902 for loop in loops)


def _descriptions(block: MatchResources | None) -> Iterator[ResourceDescription]:
    if block is None:
        return
    for found in (block.resources, *(f.resources for f in (*(block.any or ()), *(block.all or ())))):
        if found is not None:
            yield found


def generate(rule: ir.Rule, family: Family) -> ir.Rule | None:
    """Return the rule for a family's controllers; None where none is made of it."""
    resources = rule.resources
    if not _names_pod(resources.match):
        return None
    if resources.exclude and _has_kinds(resources.exclude) and not _names_pod(resources.exclude):
        return None
    body = None
    if rule.body is not None:
        assert not isinstance(rule.body, CEL_BODIES)  # noqa: S101 (bodies of other policies)
        body = nested(rule.body, family.template.split("."))
        if body is None:
            return None
    everywhere = family.kinds == (CRON_JOB,)
    generated = replace(
        rule,
        name=f"{family.prefix}{rule.name}"[:MAX_NAME],
        resources=replace(
            resources,
            match=_retarget(resources.match, family, everywhere=everywhere),
            exclude=_retarget(resources.exclude, family, everywhere=everywhere)
            if resources.exclude
            else None,
        ),
        body=body,
        extractors=(),
        generated_from=rule.name,
    )
    cel = isinstance(body, bodies.Validation) and isinstance(body.check, bodies.Cel)
    return rewrite_texts(generated, family.replacements(cel=cel))


def _names_pod(selection: ir.Selection) -> bool:
    return any(_is_pod(kind) for f in selection.filters for kind in f.kinds)


def _has_kinds(selection: ir.Selection) -> bool:
    return any(f.kinds for f in selection.filters)


def _is_pod(kind: ir.KindSelector) -> bool:
    return kind.kind == "Pod" and not kind.subresource


def _retarget(selection: ir.Selection, family: Family, *, everywhere: bool) -> ir.Selection:
    kinds = tuple(kind_selector(kind) for kind in family.kinds)
    return replace(
        selection,
        filters=tuple(
            replace(f, kinds=kinds) if f.kinds and (everywhere or any(map(_is_pod, f.kinds))) else f
            for f in selection.filters
        ),
    )
