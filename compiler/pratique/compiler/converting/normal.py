"""What both sides are taken for, so that what means the same is the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from pratique.compiler import ir
from pratique.compiler.analysis.demands import names_repositories
from pratique.compiler.analysis.differences import Comparison, compare
from pratique.compiler.cel_images import NamedAttestor
from pratique.compiler.converting import constraints
from pratique.compiler.converting.attestors import joined
from pratique.grammar.wildcard import contains_wildcard


def normal(policy: ir.Policy) -> ir.Policy:
    """Return a policy without what is settled apart, and with one form of what means the same."""
    rules = (_rule(rule) for rule in policy.rules if rule.requirements)
    return replace(policy, rules=tuple(rule for rule in rules if rule.resources.match.filters))


def _rule(rule: ir.Rule) -> ir.Rule:
    match = rule.resources.match
    filters = tuple(f for each in match.filters if (f := _with_images(each)) is not None)
    if match.every and len(filters) < len(match.filters):
        filters = ()
    return replace(
        rule,
        resources=replace(rule.resources, match=replace(match, filters=filters)),
        requirements=tuple(map(_requirement, rule.requirements)),
        context=(),
        request_conditions=(),
        preconditions=None,
    )


def _with_images(each: ir.ResourceFilter) -> ir.ResourceFilter | None:
    """Return a filter with the kinds in which an ImageValidatingPolicy finds images; None where none is."""
    if each.is_empty:
        return None
    kinds = tuple(
        ir.KindSelector(group=group, version=version, kind=kind)
        for group, version, kind in constraints.KINDS
        if not each.kinds or constraints.selected((group, version, kind), each.kinds)
    )
    return replace(each, kinds=kinds) if kinds else None


def _requirement(requirement: ir.ImageRequirement) -> ir.ImageRequirement:
    by_type: dict[str, dict[ir.Threshold, None]] = {}
    for each in requirement.attestations:
        by_type.setdefault(each.type, {}).update(dict.fromkeys(map(_formula, each.by)))
    return replace(
        requirement,
        signatures=tuple(map(_formula, requirement.signatures)),
        attestations=tuple(ir.Attestation(type=kind, by=tuple(by)) for kind, by in by_type.items()),
        denial=None,
        use_cache=True,
    )


def _formula(formula: ir.Threshold) -> ir.Threshold:
    return replace(
        formula,
        of=tuple(
            replace(part, attestor=_attestor(part.attestor)) if isinstance(part, ir.Leaf) else _formula(part)
            for part in formula.of
        ),
    )


def _attestor(attestor: ir.Attestor) -> ir.Attestor:
    """Return an attestor without the address of its log, which is never asked, and with one trust store."""
    signer = attestor.signer
    if isinstance(signer, ir.TrustStoreSigner):
        signer = ir.TrustStoreSigner(certificate=joined(signer))
    log = replace(attestor.trust.log, url="")
    return replace(attestor, signer=signer, trust=replace(attestor.trust, log=log), referrers=False)


def in_format(attestor: NamedAttestor, format: ir.SignatureFormat) -> NamedAttestor:
    """Return what an attestor accepts of signatures in one format, as if it were all that it accepts."""
    if format is ir.SignatureFormat.SIGSTORE_BUNDLE:
        bundles = () if attestor.unbundled else attestor.bundles
        layers = tuple(replace(each, format=ir.SignatureFormat.COSIGN) for each in bundles)
    else:
        layers = attestor.layers
        bundles = tuple(replace(each, format=ir.SignatureFormat.SIGSTORE_BUNDLE) for each in layers)
    return replace(attestor, layers=layers, bundles=bundles, unbundled="")


# --- images --------------------------------------------------------------------------------------------


def compared(old: tuple[ir.Policy, ...], new: tuple[ir.Policy, ...]) -> Comparison:
    """Compare, and once more with simpler names of images where nothing was found out."""
    comparison = compare(ir.PolicySet(policies=old), ir.PolicySet(policies=new))
    if comparison.differs or comparison.is_equivalent:
        return comparison
    given = {p.text for policy in (*old, *new) for p in _patterns(policy)}
    names = _repositories(given)
    if not names:
        return comparison
    sides = (ir.PolicySet(policies=tuple(_renamed(p, names) for p in side)) for side in (old, new))
    again = compare(*sides)
    return again if again.is_equivalent else comparison


def _patterns(policy: ir.Policy) -> Iterator[ir.ImagePattern]:
    for rule in policy.rules:
        for requirement in rule.requirements:
            yield from (*requirement.images.include, *requirement.images.skip)


def _repositories(texts: Collection[str]) -> dict[str, str]:
    """Return other patterns for `r:*` and `r@*`, all images of a repository: those of repositories below it.

    Analysis knows of these that `mutateDigest` does not take an image out of them. The others must tell the
    two apart nowhere, so that which patterns meet stays the same: they are about whole repositories, too, and
    about none below. Nothing is returned where that is not so.
    """
    whole = {text[:-2] for text in texts if text.endswith((":*", "@*")) and not contains_wildcard(text[:-2])}
    for text in texts:
        named = text[:-2] if text[:-2] in whole else text.removesuffix("*")
        is_known = text[:-2] in whole or names_repositories(ir.ImagePattern(text=text))
        if not is_known or any(named.startswith(f"{each}{c}") for each in whole for c in "/:@"):
            return {}
    if any(f"{each}{end}" not in texts for each in whole for end in (":*", "@*")):
        return {}
    return {f"{each}{end}": f"{each}/*" for each in whole for end in (":*", "@*")}


def _renamed(policy: ir.Policy, names: Mapping[str, str]) -> ir.Policy:
    def side(patterns: Sequence[ir.ImagePattern]) -> tuple[ir.ImagePattern, ...]:
        return tuple(dict.fromkeys(replace(p, text=names.get(p.text, p.text)) for p in patterns))

    rules = []
    for rule in policy.rules:
        requirements = (
            replace(q, images=ir.ImageRegion(include=side(q.images.include), skip=side(q.images.skip)))
            for q in rule.requirements
        )
        rules.append(replace(rule, requirements=tuple(requirements)))
    return replace(policy, rules=tuple(rules))
