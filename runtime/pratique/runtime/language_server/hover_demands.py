"""What rules and attestors demand, in words, and who meets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pratique.compiler import ir, phrases
from pratique.compiler.analysis import signers
from pratique.compiler.lint.identities import STRANGERS, accepts
from pratique.compiler.phrases import Phrase, quote
from pratique.grammar.source import Span


def of_rule(rules: Sequence[ir.Rule], span: Span) -> Iterator[str]:
    """Yield what a rule demands of its images; `span` is that of its name or of its `verifyImages`."""
    for rule in rules:
        entries = rule.requirements
        if _within(span, rule.at) or any(_holds(span, each.at) for each in entries):
            yield from (_entry(rule, each) for each in entries)


def demand(rules: Sequence[ir.Rule], span: Span) -> Iterator[str]:
    """Yield what the smallest part of an obligation that holds `span` demands."""
    for rule in rules:
        for requirement in rule.requirements:
            if _within(span, requirement.at):
                yield from _of_part(rule, requirement, span)
                return


def _of_part(rule: ir.Rule, requirement: ir.ImageRequirement, span: Span) -> Iterator[str]:
    statement = next((each for each in requirement.attestations if _within(span, each.at)), None)
    roots = statement.by if statement else requirement.signatures
    found = _innermost(roots, span)
    if found is None:
        yield _paragraph(phrases.attestation(statement)) if statement else _entry(rule, requirement)
        return
    yield _paragraph(phrases.formula(found))
    if isinstance(found, ir.Leaf) and isinstance(found.attestor.signer, ir.IdentitySigner):
        yield from _accepted(found.attestor, found.attestor.signer)


def _entry(rule: ir.Rule, requirement: ir.ImageRequirement) -> str:
    demanded = phrases.requirement(requirement)
    images = phrases.images(requirement.images)
    if not demanded:
        return f"Of images that match {images} nothing is demanded."
    lines = [f"Each image that matches {images} needs", ""]
    lines += [line for each in demanded for line in each.lines()]
    action = "refuses the request" if rule.action is ir.Action.ENFORCE else "is reported"
    elsewhere = ", and does something else in some namespaces" if rule.overrides else ""
    lines += ["", f"A failure {action} (`{rule.action}`){elsewhere}."]
    lines += [f"{text[0].upper()}{text[1:]}." for text in phrases.settings(requirement)]
    return "\n".join(lines)


def _paragraph(phrase: Phrase) -> str:
    lines = [f"Demanded: {phrase.text}"]
    if phrase.parts:
        lines += ["", *(line for part in phrase.parts for line in part.lines())]
    return "\n".join(lines)


def _accepted(attestor: ir.Attestor, signer: ir.IdentitySigner) -> Iterator[str]:
    """Yield an identity that is accepted, and every kind of stranger that is."""
    found = signers.find([attestor])
    if isinstance(found, signers.Signer):
        yield f"Accepted, for example: {quote(found.subject)}, vouched for by {quote(found.issuer)}"
    if signer.extensions:
        return  # strangers may or may not have them
    for stranger in STRANGERS:
        if accepts(signer.issuer, stranger.issuer) and accepts(signer.subject, stranger.subject):
            yield f"Accepted, too: **{stranger.who}**, such as {quote(stranger.subject)}"


def _innermost(formulas: Sequence[ir.Formula], span: Span) -> ir.Formula | None:
    for formula in formulas:
        if _within(span, formula.at):
            inner = _innermost(formula.of, span) if isinstance(formula, ir.Threshold) else None
            return inner or formula
    return None


def _holds(span: Span, at: ir.At) -> bool:
    place = at.location.span if at.location else None
    return place is not None and span.start <= place.start and place.end <= span.end


def _within(span: Span, at: ir.At) -> bool:
    place = at.location.span if at.location else None
    return place is not None and place.start <= span.start and span.end <= place.end
