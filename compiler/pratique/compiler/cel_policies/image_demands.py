"""ImageValidatingPolicies as demands on images, the way classic policies state them, for analysis.

A policy is recognised if it passes just where enough attestors have signed every image, or a statement about
it (see `image_expressions`), if its globs choose the same images as patterns of classic policies do, and if
its attestors mean the same of cosign's signatures and of Sigstore bundles. Everything else stays an
expression, which analysis compares as text.

A demand says who must have signed, whatever the format: where an image has Sigstore bundles, these count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from pratique.compiler import ir
from pratique.compiler.api_kinds import kind_of
from pratique.compiler.cel.environments import image_environment
from pratique.compiler.cel_bodies import CelImageValidation, Constraints, ResourceRule
from pratique.compiler.cel_images import ImageTest, NamedAttestor, NamedStatement
from pratique.compiler.cel_policies.image_expressions import SignatureDemand, UnrecognisedError, demanded
from pratique.compiler.cel_policies.image_globs import literal_prefix
from pratique.compiler.cel_policies.image_validating import POD_SPECS
from pratique.compiler.expressions.errors import ExpressionError

_T = TypeVar("_T")

_EVERY: Final = (ir.ImagePattern(text="*"),)
_LISTS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
_STARTED: Final = frozenset({"CREATE", "UPDATE"})
"""Operations with which images may come to run."""


def comparable(before: ir.PolicySet, after: ir.PolicySet) -> tuple[ir.PolicySet, ir.PolicySet]:
    """Return two policy sets in which policies about images are demands where both have them so.

    One that is recognised on one side only stays an expression on both: it did not vanish.
    """
    sides = [{_key(policy): as_demands(policy) for policy in side.policies} for side in (before, after)]
    kept = {key for side in sides for key, found in side.items() if found is None}
    return _replaced(before, sides[0], kept), _replaced(after, sides[1], kept)


def _replaced(
    side: ir.PolicySet, found: Mapping[tuple[str, str], ir.Policy | None], kept: Collection[tuple[str, str]]
) -> ir.PolicySet:
    policies = (policy if _key(policy) in kept else found[_key(policy)] or policy for policy in side.policies)
    return replace(side, policies=tuple(policies))


def analysed(policies: ir.PolicySet, exempted: Collection[tuple[str, str]] = ()) -> ir.PolicySet:
    """Return policies in which those about images are demands where they are recognised.

    Args:
        policies: all of them.
        exempted: kinds and names of policies that exceptions may lift; these stay expressions.
    """
    lifted = frozenset(exempted)

    def seen(policy: ir.Policy) -> ir.Policy:
        return policy if (policy.kind, policy.name) in lifted else as_demands(policy) or policy

    return replace(policies, policies=tuple(map(seen, policies.policies)))


def covering(policies: ir.PolicySet) -> ir.PolicySet:
    """Return policies with a region of images for every rule about some: at least those it is about.

    For counting what is looked at at all, where that must not come out too small.
    """
    return replace(policies, policies=tuple(as_demands(each) or _at_most(each) for each in policies.policies))


def _at_most(policy: ir.Policy) -> ir.Policy:
    def widened(rule: ir.Rule) -> ir.Rule:
        body = rule.body
        if not isinstance(body, CelImageValidation):
            return rule
        try:
            images = tuple(map(_pattern, body.references)) or _EVERY
        except UnrecognisedError:
            images = _EVERY
        requirement = ir.ImageRequirement(images=ir.ImageRegion(include=images), at=rule.at)
        return replace(rule, requirements=(requirement,), body=None)

    return replace(policy, rules=tuple(map(widened, policy.rules)))


def as_demands(policy: ir.Policy, format: ir.SignatureFormat = ir.SignatureFormat.COSIGN) -> ir.Policy | None:
    """Return a policy whose rules demand signatures in place of expressions; itself if it has none of these.

    Args:
        policy: any policy.
        format: what stands for "cosign's signatures, or Sigstore bundles where there are some" in the
            attestors: one of these two. Analysis must not take it for the format alone.

    Returns:
        None where some rule is not recognised.
    """
    try:
        return replace(policy, rules=tuple(_rule(rule, format) for rule in policy.rules))
    except UnrecognisedError:
        return None


def _key(policy: ir.Policy) -> tuple[str, str]:
    return policy.kind, policy.key


def _rule(rule: ir.Rule, format: ir.SignatureFormat) -> ir.Rule:
    body = rule.body
    if not isinstance(body, CelImageValidation):
        return rule
    if body.scope.raw or body.scope.conditions or body.extractors:
        raise UnrecognisedError
    region = replace(rule.resources, match=_selection(body.scope.constraints))
    requirement = _Lowering(body, format).requirement()
    return replace(rule, resources=region, requirements=(requirement,), body=None)


# --- resources -----------------------------------------------------------------------------------------


def _selection(constraints: Constraints | None) -> ir.Selection:
    """Return the resources that a policy is about, all of them and no others.

    The API server selects by the labels of the object before a change as well as after it, and where there is
    none it has none: a selector that takes objects for what they lack takes every object.
    """
    if constraints is None or constraints.excluded or not constraints.rules:
        raise UnrecognisedError
    selector = constraints.object_selector
    if selector and any(each.operator in ("NotIn", "DoesNotExist") for each in selector.requirements):
        raise UnrecognisedError
    filters = [
        ir.ResourceFilter(
            kinds=tuple(_kinds(rule)),
            operations=_operations(rule),
            selector=selector,
            namespace_selector=constraints.namespace_selector,
            at=constraints.at,
        )
        for rule in constraints.rules
    ]
    return ir.Selection(filters=tuple(filters))


def _kinds(rule: ResourceRule) -> Iterator[ir.KindSelector]:
    """Yield the kinds of a rule; of others than these, a policy sees no images and fails.

    Names are not recognised: they are prefixes for objects that are yet to be named.
    """
    if rule.scope == "Cluster" or rule.names:
        raise UnrecognisedError
    for group in rule.groups:
        for version in rule.versions:
            for resource in rule.resources:
                kind = kind_of(group, resource)
                if kind is None or (group, version, resource) not in POD_SPECS:
                    raise UnrecognisedError
                yield ir.KindSelector(group=group, version=version, kind=kind)


def _operations(rule: ResourceRule) -> tuple[str, ...]:
    named = frozenset(rule.operations)
    if "*" in named or named >= _STARTED:
        return ()
    if not named & _STARTED:
        raise UnrecognisedError
    return tuple(sorted(named & _STARTED))


# --- images --------------------------------------------------------------------------------------------


class _Lowering:
    """Lowers one body."""

    def __init__(self, body: CelImageValidation, format: ir.SignatureFormat) -> None:
        self._body = body
        self._format = format
        self._attestors = {each.name: each for each in body.attestors}
        self._statements = {each.name: each for each in body.statements}

    def requirement(self) -> ir.ImageRequirement:
        body = self._body
        covered: dict[SignatureDemand, frozenset[str]] = {}
        environment = image_environment(body.scope.namespace, body.credentials)
        for validation in body.validations:
            try:
                root = environment.compile(validation.expression).root
            except ExpressionError as error:
                raise UnrecognisedError from error
            for lists, demand in demanded(root):
                covered[demand] = covered.get(demand, frozenset()) | lists
        if any(lists != _LISTS for lists in covered.values()):
            raise UnrecognisedError
        images = tuple(map(_pattern, body.references)) or _EVERY
        return ir.ImageRequirement(
            images=ir.ImageRegion(include=images),
            signatures=tuple(self._threshold(each) for each in covered if not each.statement),
            attestations=tuple(self._attestation(each) for each in covered if each.statement),
            pin_digest=body.pin_digest,
            demand_digest=body.demand_digest,
            demand_proof=body.demand_proof,
            credentials=body.credentials,
            at=body.scope.at,
        )

    def _attestation(self, demand: SignatureDemand) -> ir.Attestation:
        statement = _of(self._statements, demand.statement)
        if not statement.type:
            raise UnrecognisedError
        by = self._threshold(demand, statement)
        return ir.Attestation(type=statement.type, by=(by,), exclusive=False)

    def _threshold(self, demand: SignatureDemand, statement: NamedStatement | None = None) -> ir.Threshold:
        parts = tuple(self._part(_of(self._attestors, name), statement) for name in demand.attestors)
        if demand.count > 1 and len(set(parts)) < len(parts):
            raise UnrecognisedError  # here equal attestors count twice
        return ir.Threshold(count=demand.count, of=parts)

    def _part(self, attestor: NamedAttestor, statement: NamedStatement | None) -> ir.Formula:
        if attestor.fillings or attestor.secrets or attestor.unbundled:
            raise UnrecognisedError
        layers = attestor.layers
        is_notary = any(each.format is ir.SignatureFormat.NOTARY for each in layers)
        if statement and layers and statement.is_referrer is not is_notary:
            raise UnrecognisedError
        if not is_notary:
            layers, bundles = (
                tuple(replace(each, format=self._format) for each in found)
                for found in (layers, attestor.bundles)
            )
            if layers != bundles:
                raise UnrecognisedError
        leaves = tuple(ir.Leaf(attestor=each, at=attestor.at) for each in layers)
        return leaves[0] if len(leaves) == 1 else ir.Threshold(count=1, of=leaves, at=attestor.at)


def _pattern(test: ImageTest) -> ir.ImagePattern:
    """Return the pattern that matches the same images, of which it sees the canonical form.

    That differs from what is written in the registry and the end alone, so a glob must name a registry that
    nobody leaves out, end with `*`, and say nothing of tags.
    """
    prefix = literal_prefix(test.glob)
    if test.expression is not None or prefix is None:
        raise UnrecognisedError
    registry, slash, path = prefix.partition("/")
    named = bool(slash) and ("." in registry or ":" in registry) and not registry.endswith("docker.io")
    if prefix and (not named or registry != registry.lower() or ":" in path or "@" in path):
        raise UnrecognisedError
    return ir.ImagePattern(text=f"{prefix}*", at=test.at)


def _of(named: Mapping[str, _T], name: str) -> _T:
    if name not in named:
        raise UnrecognisedError
    return named[name]
