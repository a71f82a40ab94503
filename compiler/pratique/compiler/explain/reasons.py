"""Why a rule applies to a resource and its images, or why not, in sentences.

INVARIANT: the answers are those of `selection.selects`, short circuits and unknown labels included (the tests
compare them on random filters); only the words are made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pratique.compiler import ir
from pratique.compiler.phrases import quote
from pratique.compiler.resource_phrases import kind, kinds, labels, one_of, pairs, requesters
from pratique.compiler.selection import Target, has_pair, is_sent_by, kind_matches, label_selector_matches
from pratique.grammar.wildcard import matches


class Answer(StrEnum):
    """Whether something holds."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """An answer, and why: a clause that can follow "because"."""

    answer: Answer
    why: str


def selected(region: ir.ResourceRegion, target: Target) -> Reason:
    """Return whether `target` lies in `region`, and what decides it."""
    if region.namespace is not None and target.namespace != region.namespace:
        where = f"in {quote(target.namespace)}" if target.namespace else "in no namespace"
        return Reason(
            Answer.NO, f"the policy is of namespace {quote(region.namespace)} and the resource is {where}"
        )
    match = _selection(region.match, target, _matched)
    if match.answer is not Answer.YES or region.exclude is None:
        return match
    exclude = _selection(region.exclude, target, _excluded)
    match exclude.answer:
        case Answer.YES:
            return Reason(Answer.NO, f"it is excluded: {exclude.why}")
        case Answer.UNKNOWN:
            return Reason(Answer.UNKNOWN, f"it may be excluded: {exclude.why}")
        case _:
            return Reason(Answer.YES, f"{match.why}, and it is not excluded: {exclude.why}")


_Test = Callable[[ir.ResourceFilter, Target], Reason]


def _selection(selection: ir.Selection, target: Target, test: _Test) -> Reason:
    """Judge filters one after the other, and stop where the answer is known, as `selects` does."""
    if not selection.filters:
        return Reason(Answer.NO, "it has no filter, which selects nothing")
    told: list[str] = []
    decisive = Answer.NO if selection.every else Answer.YES
    for resource_filter in selection.filters:
        reason = test(resource_filter, target)
        if reason.answer in (decisive, Answer.UNKNOWN):
            return reason
        told.append(reason.why)
    answer = Answer.YES if selection.every else Answer.NO
    return Reason(answer, " and ".join(dict.fromkeys(told)))


def _matched(of: ir.ResourceFilter, target: Target) -> Reason:
    if of.is_empty:
        return Reason(Answer.NO, "its filter is empty, which selects nothing")
    if target.requester is None:
        of = replace(of, roles=(), cluster_roles=(), subjects=())
        if of.is_empty:
            return Reason(Answer.NO, "its filter looks at who sent the request alone, and nobody did")
    return _judged(of, target)


def _excluded(of: ir.ResourceFilter, target: Target) -> Reason:
    if of.is_empty:
        return Reason(Answer.NO, "its filter is empty, which selects nothing")
    return _judged(of, target)


def _judged(of: ir.ResourceFilter, target: Target) -> Reason:
    """Judge the tests of one filter in the order of `selects`: the first that fails, or all that hold."""
    held = []
    for reason in _tests(of, target):
        if reason.answer is not Answer.YES:
            return reason
        held.append(reason.why)
    return Reason(Answer.YES, " and ".join(held))


def _tests(of: ir.ResourceFilter, target: Target) -> Iterator[Reason]:
    if of.operations:
        yield _said(target.operation in of.operations, f"the operation is {target.operation}", of.operations)
    if of.kinds:
        holds = any(kind_matches(selector, target) for selector in of.kinds)
        told = (
            f"its kind is {_kind(target)}" if holds else f"its kind {_kind(target)} is {_no_kind(of.kinds)}"
        )
        yield Reason(_answer(holds), told)
    if of.names:
        holds = any(matches(pattern, target.name) for pattern in of.names)
        yield _text("name", target.name, of.names, holds)
    if of.namespaces:
        namespace = target.name if target.kind == "Namespace" else target.namespace
        holds = any(matches(pattern, namespace) for pattern in of.namespaces)
        yield _text("namespace", namespace, of.namespaces, holds)
    for pair in of.annotations:
        holds = has_pair(pair, target.annotations)
        yield Reason(_answer(holds), f"it has {'the' if holds else 'no'} annotation {pairs([pair])}")
    if of.selector:
        holds = label_selector_matches(of.selector, target.labels)
        yield _labelled("its labels", target.labels, of.selector, holds)
    if of.namespace_selector:
        yield _namespace(of.namespace_selector, target)
    if of.has_user_info:
        yield _requester(of, target)


def _namespace(selector: ir.LabelSelector, target: Target) -> Reason:
    if target.kind == "Namespace":
        return Reason(Answer.NO, "a namespace selector selects no Namespace")
    if not target.namespace:
        holds = label_selector_matches(selector, {})
        told = "which its namespace selector lets pass" if holds else "and its namespace selector asks for"
        wanted = "" if holds else f" {labels(selector)}"
        return Reason(_answer(holds), f"it is in no namespace, {told}{wanted}")
    if target.namespace_labels is None:
        return Reason(
            Answer.UNKNOWN,
            f"its namespace selector needs the labels of namespace {quote(target.namespace)},"
            " which nobody gave",
        )
    holds = label_selector_matches(selector, target.namespace_labels)
    return _labelled("the labels of its namespace", target.namespace_labels, selector, holds)


def _requester(of: ir.ResourceFilter, target: Target) -> Reason:
    if target.requester is None:
        return Reason(Answer.NO, f"nobody is known to have sent the request, unlike {requesters(of)}")
    holds = is_sent_by(of, target.requester)
    sender = quote(target.requester.username)
    return Reason(_answer(holds), f"its sender {sender} is {_among(holds, requesters(of))}")


# --- images --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """Whether an entry looks at an image: matched by some glob, and left out by none.

    `skipped` is whether it is left out.
    """

    answer: Answer
    why: str
    skipped: bool = False


def looks_at(region: ir.ImageRegion, image: str) -> Look:
    """Return whether an entry looks at an image (its canonical form), and the globs that decide it."""
    include = [p for p in region.include if matches(p.text, image)]
    if not include:
        return Look(Answer.NO, f"it is matched by {_none_of(region.include)}")
    why = f"it is matched by {quote(include[0].text)}"
    skip = [p for p in region.skip if matches(p.text, image)]
    if skip:
        return Look(Answer.NO, f"{why} and left out by {quote(skip[0].text)}", skipped=True)
    return Look(Answer.YES, why)


MAX_PATTERNS: Final = 3
"""Patterns that a sentence repeats; of more it says how many there are."""


def _none_of(patterns: tuple[ir.ImagePattern, ...]) -> str:
    if not patterns:
        return "no pattern, since there is none"
    texts = [pattern.text for pattern in patterns]
    if len(texts) > MAX_PATTERNS:
        return f"none of {len(texts)} patterns, the first of which is {quote(texts[0])}"
    return f"no pattern of {one_of(texts)}"


# --- words ---------------------------------------------------------------------------------------------


def _answer(holds: bool) -> Answer:
    return Answer.YES if holds else Answer.NO


def _said(holds: bool, text: str, wanted: tuple[str, ...]) -> Reason:
    return Reason(_answer(holds), text if holds else f"{text} and not {' or '.join(wanted)}")


def _text(what: str, text: str, patterns: tuple[str, ...], holds: bool) -> Reason:
    if holds:
        found = next(pattern for pattern in patterns if matches(pattern, text))
        same = found == text
        return Reason(
            Answer.YES, f"its {what} is {quote(text)}" + ("" if same else f", which {quote(found)} matches")
        )
    named = f"its {what} {quote(text)} is" if text else f"it has no {what}, and that is"
    return Reason(Answer.NO, f"{named} not {one_of(patterns)}")


def _labelled(what: str, actual: Mapping[str, str], selector: ir.LabelSelector, holds: bool) -> Reason:
    wanted = labels(selector)
    if holds:
        return Reason(Answer.YES, f"{what} are {wanted}")
    there = one_of(f"{key}={value}" for key, value in sorted(actual.items())) if actual else ""
    return Reason(Answer.NO, f"{what} are not {wanted}{f' but {there}' if there else ': it has none'}")


def _kind(target: Target) -> str:
    group = [target.group] if target.group else []
    subresource = [target.subresource] if target.subresource else []
    return quote("/".join((*group, target.version, target.kind, *subresource)))


def _no_kind(of: Sequence[ir.KindSelector]) -> str:
    """Return that it is none of these kinds, of which a few are named."""
    more = len(of) - MAX_PATTERNS
    if more > 1:
        return f"none of {', '.join(map(kind, of[:MAX_PATTERNS]))} and {more} more"
    return _among(False, kinds(of))


def _among(holds: bool, wanted: str) -> str:
    several = " or " in wanted or ", " in wanted
    if holds:
        return f"among {wanted}" if several else wanted
    return f"none of {wanted}" if several else f"not {wanted}"
