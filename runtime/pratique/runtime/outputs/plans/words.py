"""Words and figures that all forms of a plan share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler.cost import LIMIT, TYPICAL, WORST, Assumptions, Cost
from pratique.compiler.explain.explanation import Explanation, Question, RulePlan
from pratique.compiler.explain.pruning import Kept
from pratique.compiler.explain.reasons import Answer
from pratique.compiler.ir import Action
from pratique.compiler.plan_cost import Heaviest
from pratique.runtime.analysis import Analysis, RuleFigures
from pratique.runtime.measuring import Measured
from pratique.runtime.outputs.text import plural
from pratique.runtime.rule_reasons import ResourceReasons

FREE: Final = "free"


def size(number: int) -> str:
    """Return a number of bytes in decimal units, as registries bill them."""
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"


def time(milliseconds: float) -> str:
    """Return a time with as many digits as matter."""
    if milliseconds >= 10_000:
        return f"{milliseconds / 1000:.0f} s"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def cost(of: Cost) -> str:
    """Return a cost as a list of what is not nothing; `free` for none."""
    return ", ".join(_parts(of.requests, of.calls, of.bytes, of.signatures, of.time_ms)) or FREE


def measured(of: Measured) -> str:
    """Return what answers have cost."""
    parts = _parts(of.requests, 0, of.bytes, of.signatures, of.seconds * 1000)
    return ", ".join(parts) or FREE


def _parts(requests: int, calls: int, number: int, signatures: int, milliseconds: float) -> Iterator[str]:
    if requests:
        yield plural(requests, "request")
    if calls:
        yield plural(calls, "call")
    if number:
        yield size(number)
    if signatures:
        yield plural(signatures, "signature")
    if milliseconds:
        yield time(milliseconds)


def assumptions(of: Assumptions) -> str:
    """Return what a column of estimates takes for granted."""
    return {
        TYPICAL.name: f"an image by tag with {plural(TYPICAL.signatures, 'signature')} and"
        f" {TYPICAL.statements} attestations, by the first attestors, {TYPICAL.request_ms:g} ms a request",
        WORST.name: f"{WORST.signatures} signatures and attestations of others, everyone is asked,"
        f" no referrers API, {WORST.request_ms:g} ms a request",
        LIMIT.name: "as much as pratique reads before it refuses an image",
    }[of.name]


def kept(of: Kept) -> str:
    """Return what a glob leaves of the images it was counted against."""
    return f"keeps {of.kept} of {of.of}, prunes {of.share:.0%}"


def universe(explanation: Explanation) -> str:
    """Return what globs were counted against, in a sentence; empty where they were not."""
    return f"globs keep and prune {explanation.universe}" if explanation.universe else ""


def cut(text: str, length: int) -> str:
    """Return the beginning of a text of more than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def headline(explanation: Explanation) -> str:
    """Return what the plan is about, in a sentence."""
    generated = sum(bool(rule.planned.rule.generated_from) for rule in explanation.rules)
    rules = plural(len(explanation.rules) - generated, "rule")
    made = f" and {generated} generated" if generated else ""
    policies = "1 policy" if explanation.policies == 1 else f"{explanation.policies} policies"
    asked = plural(len(explanation.questions), "question")
    return f"plan of {rules}{made} in {policies}: {asked}, {explanation.unshared} if nothing were shared"


def order(explanation: Explanation) -> list[tuple[str, ...]]:
    """Return a table of the stages, its headings first, for one image that all rules look at."""
    rows: list[tuple[str, ...]] = [
        ("", "order", "questions", "unshared", "one image of all rules", "at worst")
    ]
    for number, line in enumerate(explanation.stages, start=1):
        typical, worst = cost(line.estimate.typical), cost(line.estimate.worst)
        rows.append((str(number), line.stage, str(line.questions), str(line.unshared), typical, worst))
    return rows


def shared(question: Question) -> str:
    """Return by how many rules a question is shared; empty for those of one rule."""
    return f"shared by {len(question.rules)} rules" if question.is_shared else ""


def rule_title(rule: RulePlan) -> str:
    """Return how a rule is called, and what its failures do."""
    planned = rule.planned
    does = "refuses" if planned.rule.action is Action.ENFORCE else "reports"
    name = f" rule {planned.rule.name}" if planned.rule.name else ""
    return f"{planned.policy.key}{name} ({planned.rule.action}: a failure {does})"


def rule_cost(rule: RulePlan) -> str:
    """Return what an image costs by a rule."""
    if rule.estimate.worst.is_free:
        return "asks nobody"
    return f"one image: {cost(rule.estimate.typical)}; at worst {cost(rule.estimate.worst)}"


def heaviest(of: Heaviest) -> str:
    """Return which image costs the most."""
    names = ", ".join(f"{planned.policy.key} {planned.rule.name}".rstrip() for planned in of.rules[:3])
    more = f" and {len(of.rules) - 3} more" if len(of.rules) > 3 else ""
    return (
        f"heaviest image: {of.image} ({names}{more}): {cost(of.estimate.typical)};"
        f" at worst {cost(of.estimate.worst)}"
    )


def applying(reasons: ResourceReasons) -> str:
    """Return how many rules apply to a resource."""
    answers = [reason.answer for reason in reasons.rules]
    count, unknown = answers.count(Answer.YES), answers.count(Answer.UNKNOWN)
    text = {0: "no rule applies", 1: "1 rule applies"}.get(count, f"{count} rules apply")
    return f"{text}, {plural(unknown, 'rule')} cannot be judged" if unknown else text


# --- runs ----------------------------------------------------------------------------------------------


def ran(question: Question, figures: Measured) -> str:
    """Return what became of a question beside what was expected of as many answers."""
    if not figures.asked:
        return "never asked"
    expected = question.estimate.typical.times(figures.answered)
    text = f"asked {times(figures.asked)}, {figures.remembered} from memory; {measured(figures)}"
    return f"{text} (expected {cost(expected)})"


def times(number: int) -> str:
    """Return how often."""
    return "once" if number == 1 else f"{number} times"


def rule_ran(figures: RuleFigures) -> str:
    """Return what a rule came to."""
    if not figures.resources:
        return "applied to no resource"
    results = ", ".join(f"{number} {status}" for status, number in figures.results.items() if number)
    images = f" with {plural(figures.images, 'image')}" if figures.images else ""
    return f"applied to {plural(figures.resources, 'resource')}{images}: {results}"


def run_total(explanation: Explanation, analysis: Analysis) -> str:
    """Return what the run came to, beside what was expected of the answers it needed."""
    report = analysis.report
    expected = Cost()
    for question in explanation.questions:
        if found := analysis.questions.get(question.number):
            expected += question.estimate.typical.times(found.answered)
    requests = report.requests
    parts = [plural(requests.total, "request"), size(requests.bytes)]
    parts += [plural(report.verifications, "signature"), time(analysis.seconds * 1000)]
    if requests.tokens:
        parts.append(plural(requests.tokens, "token"))
    cpu = time(analysis.cpu_seconds * 1000)
    return (
        f"ran over {plural(report.resources, 'resource')} with {plural(report.images, 'image')}:"
        f" {', '.join(parts)} ({cpu} of CPU; expected {cost(expected)})"
    )
