"""What a change of policies changes, as text for people and as Markdown for pull requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.demands import Asks, Demand, Setting
from pratique.compiler.analysis.differences import EFFECTS, Change, Effect, Shift
from pratique.compiler.analysis.places import Region
from pratique.compiler.analysis.points import Point
from pratique.compiler.analysis.rule_changes import AppliedRule, RuleChange, RuleEffect
from pratique.runtime.differing import DiffReport
from pratique.runtime.outputs.text import Palette, visible

COLORS: Final = {
    Effect.ADMITS: "1;31",
    Effect.REFUSES: "1;33",
    Effect.PASSES: "31",
    Effect.REPORTS: "33",
    Effect.SETTINGS: "36",
}

RULE_COLORS: Final = {
    RuleEffect.DROPPED: "31",
    RuleEffect.APPLIED: "33",
    RuleEffect.AUDITED: "31",
    RuleEffect.ENFORCED: "33",
    RuleEffect.SETTINGS: "36",
}

MAX_CHANGES: Final = 200
"""Changes that a text spells out; JSON has all."""


# --- words ---------------------------------------------------------------------------------------------


def effect(change: Change, shift: Shift) -> str:
    """Return what a shift does, in the words of who reads policies rather than of who enforces them."""
    action = "enforced" if shift.effect in (Effect.ADMITS, Effect.REFUSES) else "audited"
    if shift.effect is not Effect.SETTINGS and not change.after:
        return "newly unverified"
    if shift.effect is not Effect.SETTINGS and not change.before:
        return f"newly verified ({action})"
    return str(shift.effect)


def images(region: Region) -> str:
    """Return which images a region holds."""
    text = " that are also ".join(_or(group) for group in region.patterns)
    if region.where:
        text += f" {' and '.join(region.where)}"
    if region.without:
        text += f", without {', '.join(region.without)}"
    if region.unless:
        text += f", but not {'; not '.join(region.unless)}"
    return text


def evidence(change: Change, shift: Shift) -> str:
    """Return of whose images a shift speaks; empty for all."""
    if shift.effect is Effect.SETTINGS:
        return ""
    if shift.signers:
        who = " and ".join(str(signer) for signer in shift.signers)
        return f"with a statement by {who}" if shift.is_stated else f"signed by {who}"
    if shift.asks is Asks.DIGEST:
        return "named by a tag"
    if isinstance(shift.demand, ir.Attestation):
        return f"without a statement of type {shift.demand.type}"
    if shift.asks is Asks.PROOF or not change.before or not change.after:
        return ""
    return "that nobody signed"


def settings(shift: Shift | RuleChange) -> Iterator[str]:
    """Yield each setting with its old and its new value."""
    for name in sorted({s.name for s in (*shift.gone, *shift.come)}):
        yield f"{name}: {_values(shift.gone, name)} -> {_values(shift.come, name)}"


UNSET: Final = {"failurePolicy": "Ignore", "background": "false", "mutateDigest": "false", "useCache": "true"}
"""What holds where no rule says otherwise."""


def _values(those: Collection[Setting], name: str) -> str:
    return ", ".join(s.value for s in those if s.name == name) or UNSET.get(name, "none")


def example(region: Region) -> str:
    """Return the example of a region, with what it takes for granted."""
    return f"e.g. {region.point}{_given(region.point)}"


def _given(point: Point) -> str:
    given = [each.replace("condition ", "", 1) for each in point.assumptions]
    return f", provided that {' and '.join(given)}" if given else ""


def rules(these: Sequence[Demand | AppliedRule]) -> str:
    """Return the rules of one side, each with its place."""
    found = dict.fromkeys(
        f"{d.policy} rule {d.rule} ({d.action}{f', {_place(d)}' if _place(d) else ''})" for d in these
    )
    return "; ".join(found) or "no rule"


def _place(rule: Demand | AppliedRule) -> str:
    place = rule.at.location
    return f"{place.source.name}:{place.span.start.line}" if place else ""


def applied(change: RuleChange) -> str:
    """Return which rule does what to which resources, as the rest of a sentence."""
    shown = [f"{point.resource}{_given(point)}" for point in change.points]
    text = f"{rules([change.rule])} {change.rule.does} {', '.join(shown)}"
    return ": ".join([text, *([", ".join(settings(change))] if change.effect is RuleEffect.SETTINGS else [])])


def _or(texts: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(texts))


def verdict(report: DiffReport) -> str:
    """Return the outcome in a sentence."""
    found = report.comparison
    if found.is_equivalent:
        parts = (
            f"{found.cells} part{'' if found.cells == 1 else 's'} compared"
            if found.cells
            else "no rule differs"
        )
        return f"equivalent, proved ({parts}; policies: {report.policies[0]} -> {report.policies[1]})"
    changes = len(found.changes) + len(found.rules)
    counts = [f"{changes} change{'' if changes == 1 else 's'}"] if changes else ["no difference found"]
    if found.undecided:
        counts.append(f"{len(found.undecided)} not decided")
    return f"{', '.join(counts)} ({found.cells} parts compared)"


def _sentences(change: Change) -> Iterator[tuple[Shift, str, str]]:
    """Yield a shift, its word and the rest of its sentence: one for each region."""
    for shift in change.shifts:
        word = effect(change, shift)
        told = evidence(change, shift)
        for region in change.regions:
            rest = f"{images(region)}{f', {told}' if told else ''}"
            if shift.effect is Effect.SETTINGS:
                rest += f": {', '.join(settings(shift))}"
            yield shift, word, f"{rest} ({example(region)})"


# --- text ----------------------------------------------------------------------------------------------


def render_text(report: DiffReport, palette: Palette) -> str:
    """Return every change with its regions, examples and rules, and the outcome."""
    changes = report.comparison.changes
    blocks = ["\n".join(_block(change, palette)) for change in changes[:MAX_CHANGES]]
    if len(changes) > MAX_CHANGES:
        blocks.append(f"and {len(changes) - MAX_CHANGES} more; -o json has all of them")
    for rule in report.comparison.rules[:MAX_CHANGES]:
        blocks.append(f"{palette.paint(RULE_COLORS[rule.effect], rule.effect)}: {visible(applied(rule))}")
    blocks += [f"not decided: {visible(text)}" for text in report.comparison.undecided]
    total = verdict(report)
    blocks.append(palette.paint("32", total) if report.comparison.is_equivalent else total)
    return "\n\n".join(blocks) + "\n"


def _block(change: Change, palette: Palette) -> Iterator[str]:
    for shift, word, rest in _sentences(change):
        yield f"{palette.paint(COLORS[shift.effect], word)}: {visible(rest)}"
    yield f"  before: {visible(rules(change.before))}"
    yield f"  after:  {visible(rules(change.after))}"
    yield f"  kinds:  {visible(', '.join(change.kinds))}"


# --- Markdown ------------------------------------------------------------------------------------------


def render_markdown(report: DiffReport) -> str:
    """Return the same for a pull request: a heading for each effect, a list of changes."""
    lines = [f"### Image policies: {_plain(report.old)} → {_plain(report.new)}", "", _plain(verdict(report))]
    changes = report.comparison.changes[:MAX_CHANGES]
    for wanted in EFFECTS:
        for word in dict.fromkeys(effect(c, s) for c in changes for s in c.shifts if s.effect is wanted):
            lines += ["", f"#### {word[0].upper()}{word[1:]}", ""]
            for change in changes:
                told = [rest for s, w, rest in _sentences(change) if s.effect is wanted and w == word]
                lines += [f"- {_plain(text)}" for text in told]
                if told:
                    lines += [f"  - before: {_plain(rules(change.before))}"]
                    lines += [f"  - after: {_plain(rules(change.after))}"]
    for kind in RuleEffect:
        told = [applied(rule) for rule in report.comparison.rules[:MAX_CHANGES] if rule.effect is kind]
        if told:
            lines += ["", f"#### {kind[0].upper()}{kind[1:]}", "", *(f"- {_plain(text)}" for text in told)]
    if len(report.comparison.changes) > MAX_CHANGES:
        lines += ["", f"and {len(report.comparison.changes) - MAX_CHANGES} more changes"]
    if report.comparison.undecided:
        lines += ["", "#### Not decided", "", *(f"- {_plain(text)}" for text in report.comparison.undecided)]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return text in which Markdown and HTML have no meaning; words of policies are strangers' texts."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~!&@" else c for c in visible(text))
