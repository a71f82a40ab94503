"""What the rules ask about a policy set; each question about a pattern is answered once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final, assert_never

from pratique.compiler import ir
from pratique.compiler.analysis.points import Zone
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images, tagged
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Answer, Proof, Witness
from pratique.compiler.languages.sets import AnyOf, TextSet, contains, difference
from pratique.compiler.lint.directives import Directive, directives
from pratique.compiler.lint.questions import Questions
from pratique.grammar.source import Location, Source, Span
from pratique.grammar.wildcard import matches

if TYPE_CHECKING:
    from pratique.compiler.kyverno.releases import ReleaseRange
    from pratique.compiler.lint.base import Finding
    from pratique.compiler.lint.inventory import Coverage
    from pratique.grammar.documents import PolicyDocument


CLASSIC_KINDS: Final = frozenset({"Policy", "ClusterPolicy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One demand on images, in the rule and the policy it was written in."""

    policy: ir.Policy
    rule: ir.Rule
    requirement: ir.ImageRequirement

    @property
    def include(self) -> tuple[ir.ImagePattern, ...]:
        """Return the patterns of the images it speaks about."""
        return self.requirement.images.include

    @property
    def skip(self) -> tuple[ir.ImagePattern, ...]:
        """Return the patterns of the images it leaves out."""
        return self.requirement.images.skip

    @property
    def leaves(self) -> tuple[ir.Leaf, ...]:
        """Return the attestors of signatures and attestations, in the order of the policy."""
        return tuple(leaf for threshold in self._sets for leaf in leaves_of(threshold))

    @property
    def signature_sets(self) -> tuple[ir.Threshold, ...]:
        """Return the sets of attestors of signatures, nested ones behind those around them."""
        return tuple(each for threshold in self.requirement.signatures for each in _thresholds(threshold))

    @property
    def statement_sets(self) -> tuple[ir.Threshold, ...]:
        """Return the sets of attestors of attestations; these are never nested."""
        return tuple(
            threshold for attestation in self.requirement.attestations for threshold in attestation.by
        )

    @property
    def _sets(self) -> tuple[ir.Threshold, ...]:
        return *self.requirement.signatures, *self.statement_sets

    @property
    def is_classic(self) -> bool:
        """Say whether it is written in Kyverno's classic language, entry by entry and pattern by pattern."""
        return self.policy.kind in CLASSIC_KINDS

    @property
    def is_unconditional(self) -> bool:
        """Say whether kinds, namespaces, labels and images alone decide where it is asked."""
        rule = self.rule
        texts = (pattern.text for pattern in (*self.include, *self.skip))
        first = next(each for each in self.policy.rules if not each.generated_from)
        return not (
            rule.is_conditional
            or rule.extractors
            or Zone(rule.resources).has_user_info
            or (self.policy.stop_at_first and rule is not first)
            or any("{{" in text for text in texts)
        )

    @property
    def enforces(self) -> bool:
        """Say whether a failure blocks somewhere."""
        actions = (self.rule.action, *(override.action for override in self.rule.overrides))
        return ir.Action.ENFORCE in actions


class Facts(Questions):
    """A policy set and what is known about it.

    Attributes:
        asked: codes of the rules of this run.
        documents: the policies as they are written; those included that could not be accepted.
        exemptions: policy exceptions beside the policies.
        unread: sources of which policies could not be read.
        today: the day of the run; None where it does not matter.
        releases: the releases of Kyverno that the policies are for; None where nobody says.
        coverage: what the policies make of the images that there are; None where nobody lists these.
        findings: of the rules before the last, silenced or not; empty until these have been asked.
    """

    def __init__(
        self,
        policies: ir.PolicySet,
        *,
        asked: Collection[str] = (),
        documents: Collection[PolicyDocument] = (),
        exemptions: Collection[ir.Exemption] = (),
        unread: Collection[Source] = (),
        today: date | None = None,
        releases: ReleaseRange | None = None,
        coverage: Coverage | None = None,
    ) -> None:
        super().__init__()
        self.policies = policies
        self.asked = asked
        self.documents = documents
        self.exemptions = exemptions
        self.unread = unread
        self.today = today
        self.releases = releases
        self.coverage = coverage
        self.findings: tuple[Finding, ...] = ()
        self._regions: dict[ir.ImageRegion, TextSet] = {}
        self._globs: dict[ir.ImagePattern, Glob] = {}
        self._empty: dict[ir.ImagePattern, Answer] = {}

    @cached_property
    def directives(self) -> tuple[Directive, ...]:
        """Comments and annotations that silence findings, in the texts that the policies were read from."""
        places = [policy.at.location for policy in self.policies.policies]
        places += [exemption.at.location for exemption in self.exemptions]
        sources = {id(place.source): place.source for place in places if place}
        return tuple(each for source in sources.values() for each in directives(source))

    def document(self, policy: ir.Policy) -> PolicyDocument | None:
        """Return a policy as it is written, where that is known."""
        place = policy.at.location
        return self._written.get((id(place.source), place.span)) if place else None

    def rule_place(
        self, policy: ir.Policy, rule: ir.Rule, *route: str | int, key: bool = False
    ) -> Location | None:
        """Return the place of a value of a rule, or of its key, by its path in the names of the YAML."""
        document = self.document(policy)
        if document is None:
            return None
        names = [each.name for each in document.model.spec.rules]
        return document.location("spec", "rules", names.index(rule.name), *route, key=key)

    def kind_place(self, policy: ir.Policy, rule: ir.Rule, part: int, index: int) -> Location | None:
        """Return where a kind stands, by the numbers of its filter in `match` and of itself in the filter."""
        document = self.document(policy)
        if document is None:
            return None
        match = next(each.match for each in document.model.spec.rules if each.name == rule.name)
        form = "any" if match.any else "all" if match.all else ""
        route = (form, part) if form else ()
        return self.rule_place(policy, rule, "match", *route, "resources", "kinds", index)

    @cached_property
    def _written(self) -> dict[tuple[int, Span], PolicyDocument]:
        places = [(each.location("metadata", "name"), each) for each in self.documents]
        return {(id(place.source), place.span): each for place, each in places}

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """All demands of declared rules; generated rules repeat them."""
        return tuple(self._find_sites())

    @cached_property
    def leaves(self) -> tuple[ir.Leaf, ...]:
        """All attestors of declared rules: those of demands, and those that expressions may ask for.

        Of the latter only those that no expression has a part in, and that go by the usual trust root.
        """
        found = [leaf for site in self.sites for leaf in site.leaves]
        for policy in self.policies.policies:
            for rule in policy.rules:
                if isinstance(rule.body, CelImageValidation) and not rule.generated_from:
                    found += _named(rule.body)
        return tuple(found)

    @cached_property
    def classic_sites(self) -> tuple[Site, ...]:
        """Those of Kyverno's classic policies: for rules about how patterns and settings are written."""
        return tuple(site for site in self.sites if site.is_classic)

    def _find_sites(self) -> Iterator[Site]:
        for policy in self.policies.policies:
            for rule in policy.rules:
                if not rule.generated_from:
                    for requirement in rule.requirements:
                        yield Site(policy=policy, rule=rule, requirement=requirement)

    def exempt(self, policy: ir.Policy, rule: ir.Rule) -> tuple[Zone, ...]:
        """Return where policy exceptions may keep a rule from being asked, whatever their conditions."""
        return tuple(map(exempted, self.exemptions_of(policy, rule)))

    def exemptions_of(self, policy: ir.Policy, rule: ir.Rule) -> tuple[ir.Exemption, ...]:
        """Return the policy exceptions that name a rule."""
        return tuple(
            exemption
            for exemption in self.exemptions
            if any(
                key == policy.key and any(matches(name, rule.name) for name in names)
                for key, names in exemption.rules
            )
        )

    def region(self, images: ir.ImageRegion) -> TextSet:
        """Return the images of a region as a set."""
        if images not in self._regions:
            included = AnyOf(tuple(map(self.glob, images.include)))
            self._regions[images] = difference(included, *map(self.glob, images.skip))
        return self._regions[images]

    def glob(self, pattern: ir.ImagePattern) -> Glob:
        """Return the automaton of a pattern."""
        if pattern not in self._globs:
            self._globs[pattern] = Glob.of(pattern)
        return self._globs[pattern]

    def images_of(self, pattern: ir.ImagePattern) -> Answer:
        """Return an image that matches, or the proof that there is none."""
        if pattern not in self._empty:
            self._empty[pattern] = self.ask(is_empty, self.glob(pattern), images())
        return self._empty[pattern]

    def image_by_tag(self, region: ir.ImageRegion) -> str:
        """Return an image of a region that is named by a tag, or an empty text where none is known."""
        whole = self.region(region)
        for pattern in region.include:
            image = self.images_of(pattern)
            if isinstance(image, Witness) and "@" not in image.text and contains(whole, image.text):
                return image.text  # most patterns match some, and were asked already
        answer = self.ask(is_empty, whole, tagged())
        return answer.text if isinstance(answer, Witness) else ""

    def example(self, text: str) -> str:
        """Return an image that matches the pattern `text`, or an empty text where none is known."""
        answer = self.images_of(ir.ImagePattern(text=text))
        return answer.text if isinstance(answer, Witness) else ""

    def is_dead(self, pattern: ir.ImagePattern) -> bool:
        """Say whether it is proved that no image matches."""
        return isinstance(self.images_of(pattern), Proof)


def is_in_cel(policy: ir.Policy) -> bool:
    """Say whether a policy about images was written in CEL."""
    return policy.kind.endswith("ImageValidatingPolicy")


def exempted(exemption: ir.Exemption) -> Zone:
    """Return the resources that an exception is about, whatever its conditions; operations have no say."""
    selection = exemption.resources
    parts = tuple(replace(part, operations=()) for part in selection.filters)
    return Zone(ir.ResourceRegion(namespace=None, match=replace(selection, filters=parts)))


def _named(body: CelImageValidation) -> Iterator[ir.Leaf]:
    for attestor in body.attestors:
        for layer in attestor.layers if not attestor.fillings else ():
            if not layer.trust.trusted_root:
                yield ir.Leaf(attestor=layer, at=attestor.at)


def leaves_of(formula: ir.Formula) -> Iterator[ir.Leaf]:
    """Yield the attestors of a formula, in its order."""
    match formula:
        case ir.Leaf():
            yield formula
        case ir.Threshold():
            for part in formula.of:
                yield from leaves_of(part)
        case _:
            assert_never(formula)


def _thresholds(threshold: ir.Threshold) -> Iterator[ir.Threshold]:
    yield threshold
    for part in threshold.of:
        if isinstance(part, ir.Threshold):
            yield from _thresholds(part)
