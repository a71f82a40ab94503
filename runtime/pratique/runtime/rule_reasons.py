"""Why each rule of a plan applies to a resource and its images, or why not. Asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import body_phrases, ir
from pratique.compiler.explain.reasons import Answer, Look, Reason, looks_at, selected
from pratique.compiler.phrases import Phrase, quote, requirement
from pratique.compiler.plan import Plan, PlannedRule
from pratique.grammar.errors import EvaluationError
from pratique.runtime.applicable import images_of_rule, meets_conditions
from pratique.runtime.resource import ImageUse, Resource

if TYPE_CHECKING:
    from pratique.compiler.context_questions import Question
    from pratique.compiler.expressions.context import Context
    from pratique.compiler.rule_expressions import RuleExpressions
    from pratique.runtime.context_sources import GivenContext
    from pratique.runtime.exemption_files import AnyExemption


GIVEN_IMAGE: Final = "--image"
"""Name of the source of resources that only stand for an image that was named."""


@dataclass(frozen=True, slots=True)
class EntryLook:
    """Whether an entry of a rule (by its number, from 0) looks at an image, and why."""

    entry: int
    look: Look


@dataclass(frozen=True, slots=True)
class ImageReason:
    """What a rule makes of one image: what each of its entries says.

    `problem` is why the reference cannot be read, which fails whoever looks at it; empty for usual.
    """

    image: str
    container: str
    entries: tuple[EntryLook, ...]
    problem: str = ""

    @property
    def answer(self) -> Answer:
        """Say whether some entry looks at it."""
        return Answer.YES if any(e.look.answer is Answer.YES for e in self.entries) else Answer.NO

    @property
    def is_matched(self) -> bool:
        """Say whether some entry looks at it or skips it, which both make a result."""
        return any(e.look.skipped or e.look.answer is Answer.YES for e in self.entries)


@dataclass(frozen=True, slots=True)
class RuleReason:
    """Whether a rule applies to a resource.

    Attributes:
        why: a clause that can follow "because".
        images: of the resource, as far as the rule came to look at them.
        preconditions: what is known of them, in a sentence; empty where there are none.
        exceptions: what policy exceptions that name the rule say of the resource, in sentences.
    """

    planned: PlannedRule
    answer: Answer
    why: str
    images: tuple[ImageReason, ...] = ()
    preconditions: str = ""
    exceptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceReasons:
    """What every rule makes of one resource."""

    resource: Resource
    rules: tuple[RuleReason, ...]

    @property
    def is_made_up(self) -> bool:
        """Say whether the resource only stands for an image that was named."""
        location = self.resource.location
        return location is not None and location.source.name == GIVEN_IMAGE


def reasons(
    plan: Plan, resource: Resource, given: GivenContext, exemptions: Sequence[AnyExemption] = ()
) -> ResourceReasons:
    """Return why each rule applies to a resource or not.

    Args:
        plan: the rules.
        resource: the resource; each rule is asked about it as its policy sees it.
        given: what answers context entries without asking anybody.
        exemptions: policy exceptions that count.
    """
    found = tuple(_rule(planned, _seen_by(planned, resource), given) for planned in plan.rules)
    if exemptions:
        found = tuple(
            replace(reason, exceptions=tuple(_exceptions(reason.planned, resource, given, exemptions)))
            if reason.answer is Answer.YES
            else reason
            for reason in found
        )
    return ResourceReasons(resource, found)


def _seen_by(planned: PlannedRule, resource: Resource) -> Resource:
    name = planned.policy.name
    return next(seen for seen, concerns in resource.views if concerns is None or concerns(name))


def _rule(planned: PlannedRule, resource: Resource, given: GivenContext) -> RuleReason:
    found = _selected(planned, resource)
    if found.answer is Answer.NO:
        return RuleReason(planned, found.answer, found.why)
    if found.answer is Answer.YES and planned.rule.body is not None:
        told = _preconditions(planned, resource, given)
        return RuleReason(planned, found.answer, found.why, preconditions=told)
    if found.answer is Answer.UNKNOWN and (planned.rule.extractors or planned.rule.body is not None):
        return RuleReason(planned, found.answer, found.why)  # a run does not come to look for images
    try:
        uses = images_of_rule(planned.rule, resource)
    except EvaluationError as error:
        return RuleReason(planned, Answer.UNKNOWN, f"its images cannot be found: {error.message}")
    if not uses:
        deleted = resource.target.operation == "DELETE"
        why = "what is deleted runs no image" if deleted else "it runs no image that anybody looks for"
        return RuleReason(planned, Answer.NO, why)
    images = tuple(_image(planned, use) for use in uses)
    if not any(image.is_matched for image in images):
        return RuleReason(planned, Answer.NO, "none of its images is matched", images)
    if found.answer is Answer.UNKNOWN:
        return RuleReason(planned, found.answer, found.why)
    return RuleReason(planned, Answer.YES, found.why, images, _preconditions(planned, resource, given))


def _selected(planned: PlannedRule, resource: Resource) -> Reason:
    found = selected(planned.rule.resources, resource.target)
    if found.answer is not Answer.YES or not planned.rule.request_conditions:
        return found
    try:
        if meets_conditions(planned, resource):
            return Reason(Answer.YES, f"{found.why}, and the match conditions hold of its request")
    except EvaluationError as error:
        return Reason(Answer.UNKNOWN, error.message)
    return Reason(Answer.NO, "the match conditions do not hold of its request")


def _image(planned: PlannedRule, use: ImageUse) -> ImageReason:
    looks = (
        EntryLook(number, looks_at(requirement.images, use.match_string))
        for number, requirement in enumerate(planned.rule.requirements)
    )
    return ImageReason(use.match_string, use.key, tuple(looks), use.problem)


# --- preconditions -------------------------------------------------------------------------------------


class _Unknown(Exception):
    """The value of a precondition has to be asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _preconditions(planned: PlannedRule, resource: Resource, given: GivenContext) -> str:
    """Return whether the preconditions of a rule hold, as far as nobody has to be asked."""
    if planned.rule.preconditions is None:
        return ""
    expressions, context = _context(planned, resource, given)
    assert expressions.preconditions is not None  # noqa: S101 (compiled from what is there)
    try:
        holds, message = expressions.preconditions.evaluate(context)
    except _Unknown as unknown:
        return f"whether its preconditions hold depends on {unknown.what}; --analyze asks"
    except EvaluationError as error:
        return f"its preconditions cannot be evaluated, which is an error: {error.message}"
    if holds:
        return "its preconditions hold"
    said = f": {message}" if message else ""
    return f"its preconditions do not hold, so that it is skipped{said}"


def _context(
    planned: PlannedRule, resource: Resource, given: GivenContext
) -> tuple[RuleExpressions, Context]:
    """Return the expressions of a rule, and what they read as far as nobody has to be asked."""
    from pratique.compiler.rule_expressions import RuleExpressions
    from pratique.runtime.context import request_context

    expressions = RuleExpressions.of(planned.rule)
    name = planned.rule.generated_from or planned.rule.name
    context = request_context(resource)
    if values := given.given(planned.policy.name, name):
        context = context.merged(values)
    attached = expressions.entries.attach(
        context, lambda question: _known(given, question), context, given.loads
    )
    return expressions, attached


def _exceptions(
    planned: PlannedRule, resource: Resource, given: GivenContext, exemptions: Sequence[AnyExemption]
) -> Iterator[str]:
    """Yield what each exception that names a rule says of a resource, in sentences."""
    from pratique.compiler.exemptions import Exemptions

    policy, seen = planned.policy, _seen_by(planned, resource)
    classic = Exemptions([each for each in exemptions if isinstance(each, ir.Exemption)])
    for each in classic.of(policy, planned.rule):
        name = f"the exception {quote(each.exemption.key)}"
        try:
            holds = each.holds(seen.target, lambda: _context(planned, seen, given)[1])
        except _Unknown as unknown:
            yield f"{name} may leave it alone, which depends on {unknown.what}; --analyze asks"
        else:
            yield f"{name} leaves it alone" if holds else f"{name} does not hold here"
    for other in exemptions:
        if not isinstance(other, ir.Exemption) and (policy.kind, policy.name) in other.policies:
            yield f"the exception {quote(other.name)} may leave it alone or allow more; --analyze shows"


def _known(given: GivenContext, question: Question) -> Any:
    from pratique.compiler.context_questions import ImageQuestion

    if isinstance(question, ImageQuestion):
        raise _Unknown(f"what the registry knows of {quote(question.reference)}")
    return given.find(question)


def demands(reason: RuleReason) -> Iterator[tuple[str, tuple[Phrase, ...]]]:
    """Yield what a rule that applies demands: what of (empty where there is but one), and the parts of it."""
    rule = reason.planned.rule
    if reason.answer is Answer.YES and rule.body is not None:
        yield "", (Phrase(body_phrases.body(rule.body)),)
    looking = {e.entry for image in reason.images for e in image.entries if e.look.answer is Answer.YES}
    for number in sorted(looking):
        what = f"entry {number + 1}" if len(rule.requirements) > 1 else ""
        yield what, requirement(rule.requirements[number])
