"""Both sides compared: the classic policy with the new documents, read again from their text.

The new policies become demands on images as `image_demands` reads them. Three things are settled before that,
each by a proof of its own, and then taken away on both sides: which names of images are meant (`written`),
conditions on statements and requests (read back by `conditions`), and what `Caveat` lists. Everything else is
the comparison of `pratique diff`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.demands import names_repositories
from pratique.compiler.analysis.differences import Comparison, compare
from pratique.compiler.bodies import CelExpression
from pratique.compiler.cel.environments import image_environment
from pratique.compiler.cel.syntax import Call, Comprehension, Expression, Literal, walk
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_images import NamedAttestor
from pratique.compiler.cel_policies.image_demands import as_demands
from pratique.compiler.converting import conditions, constraints, written
from pratique.compiler.converting.attestors import joined
from pratique.compiler.converting.conditions import UnreadableError
from pratique.compiler.converting.formulas import ALL_IMAGES
from pratique.compiler.converting.identities import expression_of
from pratique.compiler.converting.model import DENIAL, Conversion, Draft
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.languages.search import Proof, Unknown, Witness
from pratique.grammar.wildcard import contains_wildcard


class Status(StrEnum):
    """What is known of a conversion."""

    EQUIVALENT = "equivalent"
    """Proved: nothing differs but what the caveats say."""
    DIFFERENT = "different"
    """An example shows that something does."""
    UNKNOWN = "unknown"
    """No difference was found, and none was excluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What came of the comparison.

    Attributes:
        comparison: of both sides as demands; None where they could not be compared.
        images: names of images that one side alone is about, each with the name of the new policy.
        unknown: what could not be decided, each in a sentence.
        judged: what examples say of that, each in a sentence.
        refuted: examples on which the two differ.
    """

    comparison: Comparison | None = None
    images: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Return what is known."""
        if self.images or self.refuted or (self.comparison and self.comparison.differs):
            return Status.DIFFERENT
        if self.unknown or self.comparison is None or not self.comparison.is_equivalent:
            return Status.UNKNOWN
        return Status.EQUIVALENT


def prove(conversion: Conversion, after: Sequence[ir.Policy]) -> Proved:
    """Return how a classic policy and its conversion differ.

    Args:
        conversion: the classic policy, and the drafts.
        after: what the text of the drafts reads as, in their order.
    """
    return _Proving(conversion).proved(after)


class _Proving:
    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._unknown: dict[str, None] = {}
        self._images: dict[tuple[str, str], None] = {}

    def proved(self, after: Sequence[ir.Policy]) -> Proved:
        drafts = self._conversion.drafts
        new = [self._demands(draft, policy) for draft, policy in zip(drafts, after, strict=True)]
        comparison = None
        if all(policy is not None for policy in new):
            old = normal(self._conversion.policy)
            recognised = tuple(normal(policy) for policy in new if policy is not None)
            comparison = _compared((old,), recognised)
        return Proved(
            comparison=comparison,
            images=tuple(self._images),
            unknown=(*self._unknown, *(comparison.undecided if comparison else ())),
        )

    def _demands(self, draft: Draft, policy: ir.Policy) -> ir.Policy | None:
        """Return a new policy as demands on the images of the classic one; None where it is none."""
        stripped: list[ir.Rule] = []
        regions: list[Region] = []
        for rule in policy.rules:
            body = rule.body
            if not isinstance(body, CelImageValidation):
                raise AssertionError("conversion writes policies about images")
            self._same_images(draft, policy, body)
            try:
                region = self._conditions(draft, body, rule)
                validations = self._validations(draft, body)
            except (UnreadableError, ExpressionError):
                self._unknown[f"expressions of {policy.key} are compared as text"] = None
                return None
            attestors = tuple(_in_format(each, draft.format) for each in body.attestors)
            scope = replace(body.scope, conditions=())
            new = replace(body, scope=scope, references=(), validations=validations, attestors=attestors)
            stripped.append(replace(rule, body=new))
            regions.append(region)
        found = as_demands(replace(policy, rules=tuple(stripped)), draft.format)
        if found is None:
            self._unknown[f"expressions of {policy.key} are compared as text"] = None
            return None
        rules = (
            replace(
                rule,
                resources=region.of(rule.resources),
                requirements=tuple(replace(q, images=draft.images) for q in rule.requirements),
            )
            for rule, region in zip(found.rules, regions, strict=True)
        )
        return replace(found, rules=tuple(rules))

    def _same_images(self, draft: Draft, policy: ir.Policy, body: CelImageValidation) -> None:
        match written.compare(draft.images, body.references):
            case Witness(text=text):
                self._images[policy.key, text] = None
            case Unknown(why=why):
                self._unknown[f"which images {policy.key} is about: {why}"] = None
            case Proof():
                pass

    # --- conditions --------------------------------------------------------------------------------------

    def _conditions(self, draft: Draft, body: CelImageValidation, rule: ir.Rule) -> Region:
        """Return the region that match conditions leave.

        Raises:
            UnreadableError: one of them is none that conversion writes.
        """
        region = Region()
        found: set[str] = set()
        for each in body.scope.conditions:
            if each.expression in self._request_conditions:
                found.add(each.expression)
                continue
            root = _compiled(each.expression)
            if each.name == "preconditions":
                self._preconditions(draft, root, rule)
            else:
                region = region.restricted(root)
        if found != self._request_conditions:
            raise UnreadableError
        return region

    @property
    def _request_conditions(self) -> set[str]:
        """Return the match conditions of the classic policy."""
        return {each.expression for rule in self._conversion.policy.rules for each in rule.request_conditions}

    def _preconditions(self, draft: Draft, root: Expression, rule: ir.Rule) -> None:
        found = conditions.read(root, _request(), _REQUEST)
        of_cron_jobs = any(k.kind == "CronJob" for f in rule.resources.match.filters for k in f.kinds)
        classic = (
            each
            for each in self._conversion.policy.rules
            if each.preconditions and bool(each.generated_from) is bool(rule.generated_from)
        )
        wanted = [
            conditions.of_preconditions(each.preconditions)
            for each in classic
            if not rule.generated_from
            or of_cron_jobs is any(k.kind == "CronJob" for f in each.resources.match.filters for k in f.kinds)
        ]
        if found not in wanted:
            raise UnreadableError
        if "" in draft.conditions and not conditions.is_exact(draft.conditions[""]):
            self._unknown["preconditions compare values whose types matter"] = None

    def _validations(self, draft: Draft, body: CelImageValidation) -> tuple[CelExpression, ...]:
        """Return the validations that are about signers; conditions on statements are compared here.

        Raises:
            UnreadableError: conditions are not what the classic policy says.
        """
        kept: list[CelExpression] = []
        found: dict[str, conditions.Tree] = {}
        payloads = _payloads(body)
        for each in body.validations:
            root = _compiled(each.expression)
            match root:
                case Literal(value=True):
                    continue
                case Comprehension(macro="all", range=images, condition=condition) if (
                    condition is not None and _mentions(condition, "extractPayload")
                ):
                    if not conditions.same(images, _all_images()):
                        raise UnreadableError
                    if isinstance(condition, Call) and condition.function == "!_":
                        self._unknown["conditions under which to refuse are compared as text"] = None
                        continue
                    name, tree = _stated(condition, payloads)
                    found[name] = conditions.together(found[name], tree) if name in found else tree
                case _:
                    kept.append(each)
        wanted = {name: tree for name, tree in draft.conditions.items() if name not in ("", DENIAL)}
        if found != wanted:
            raise UnreadableError
        if not all(map(conditions.is_exact, wanted.values())):
            self._unknown["conditions on statements compare values whose types matter"] = None
        return tuple(kept)


def _stated(condition: Expression, payloads: Mapping[str, Expression]) -> tuple[str, conditions.Tree]:
    for name, payload in payloads.items():
        try:
            return name, conditions.read(condition, {name: payload}, {name: ()})
        except UnreadableError:
            continue
    raise UnreadableError


def _payloads(body: CelImageValidation) -> dict[str, Expression]:
    """Return the expressions for what the statements of a policy say."""
    found = {}
    for each in body.statements:
        text = f"extractPayload(image, attestations.{each.name})"
        whole = text if each.is_referrer else f"{text}.predicate"
        root = _compiled(f"images.containers.all(image, {whole} == 0)")
        if isinstance(root, Comprehension) and isinstance(root.condition, Call):
            found[each.name] = root.condition.arguments[0]
    return found


def _mentions(node: Expression, function: str) -> bool:
    return any(isinstance(each, Call) and each.function == function for each in walk(node))


@lru_cache(maxsize=256)
def _compiled(text: str) -> Expression:
    return image_environment("").compile(text).root


def _all_images() -> Expression:
    return _compiled(ALL_IMAGES)


def _request() -> dict[str, Expression]:
    return {
        "object": _compiled("object"),
        "oldObject": _compiled("oldObject"),
        "request": _compiled("request"),
    }


_REQUEST: Final = {
    "object": ("request", "object"),
    "oldObject": ("request", "oldObject"),
    "request": ("request",),
}


# --- resources -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Region:
    """What conditions on names and namespaces leave of a region."""

    within: tuple[ir.ResourceFilter, ...] = ()
    beyond: tuple[ir.ResourceFilter, ...] = ()

    def restricted(self, root: Expression) -> Region:
        """Return what a further condition leaves.

        Raises:
            UnreadableError: it is none on names and namespaces.
        """
        match root:
            case Call(function="!_", arguments=(inner,)):
                return replace(self, beyond=(*self.beyond, _filter(inner)))
            case _:
                return replace(self, within=(*self.within, _filter(root)))

    def of(self, region: ir.ResourceRegion) -> ir.ResourceRegion:
        """Return what is left of a region."""
        filters = region.match.filters
        for each in self.within:
            filters = tuple(
                replace(f, names=each.names or f.names, namespaces=each.namespaces or f.namespaces)
                for f in filters
            )
        exclude = ir.Selection(filters=self.beyond) if self.beyond else None
        return replace(region, match=ir.Selection(filters=filters), exclude=exclude)


def _filter(node: Expression) -> ir.ResourceFilter:
    """Return the filter that an expression on name and namespace stands for."""
    roots = {"name": _compiled(constraints.NAME), "namespace": _compiled(constraints.NAMESPACE)}
    tree = conditions.read(node, roots, {"name": ("name",), "namespace": ("namespace",)})
    tests = tree.parts if isinstance(tree, conditions.Joined) and tree.every else (tree,)
    found: dict[str, tuple[str, ...]] = {}
    for test in tests:
        if not isinstance(test, conditions.Test) or len(test.path.names) != 1:
            raise UnreadableError
        (name,) = test.path.names
        if name in found:
            raise UnreadableError
        match test.operator, test.value:
            case "==", str() as text:
                found[name] = (text,)
            case "in", tuple() as texts:
                found[name] = texts
            case "matches", str() as text:
                found[name] = tuple(_globs(text))
            case _:
                raise UnreadableError
    return ir.ResourceFilter(names=found.get("name", ()), namespaces=found.get("namespace", ()))


def _globs(expression: str) -> Iterator[str]:
    """Yield the globs that `constraints.among` makes an expression of."""
    for part in expression.split("|"):
        glob, escaped = "", False
        inner = part.removeprefix("^").removesuffix("$")
        for place, character in enumerate(inner):
            if escaped or character not in "\\.*":
                glob, escaped = glob + character, False
            elif character == "\\":
                escaped = True
            elif character == ".":
                glob += "" if inner[place + 1 : place + 2] == "*" else "?"
            else:
                glob += "*"
        if expression_of(glob) != part:
            raise UnreadableError
        yield glob


# --- images --------------------------------------------------------------------------------------------


def _compared(old: tuple[ir.Policy, ...], new: tuple[ir.Policy, ...]) -> Comparison:
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


# --- what both sides are taken for ----------------------------------------------------------------------


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


def _in_format(attestor: NamedAttestor, format: ir.SignatureFormat) -> NamedAttestor:
    """Return what an attestor accepts of signatures in one format, as if it were all that it accepts."""
    if format is ir.SignatureFormat.SIGSTORE_BUNDLE:
        bundles = () if attestor.unbundled else attestor.bundles
        layers = tuple(replace(each, format=ir.SignatureFormat.COSIGN) for each in bundles)
    else:
        layers = attestor.layers
        bundles = tuple(replace(each, format=ir.SignatureFormat.SIGSTORE_BUNDLE) for each in layers)
    return replace(attestor, layers=layers, bundles=bundles, unbundled="")
