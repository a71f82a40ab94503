"""One run of `pratique convert`: texts -> classic policies -> new documents, each with its proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pratique.compiler import ir
from pratique.compiler.converting.everywhere import everywhere
from pratique.compiler.converting.judging import judge
from pratique.compiler.converting.model import CAVEATS, Caveat, Conversion, Difference
from pratique.compiler.converting.policies import convert
from pratique.compiler.converting.proof import Proved, Status, prove
from pratique.compiler.converting.text import lines_of, texts
from pratique.compiler.lower import lower
from pratique.grammar.documents import PolicyDocument, read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source
from pratique.runtime.inputs import Inputs

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What counts.

    Attributes:
        allow_differences: write policies, too, that differ from their origin.
        for_pratique: what Kyverno 1.19 overlooks is no difference: pratique enforces the result.
        strict: what differs whatever the policy is a difference.
        everywhere: new policies look at ephemeral containers, image volumes and ReplicationControllers, too.
    """

    allow_differences: bool = False
    for_pratique: bool = False
    strict: bool = False
    everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A classic policy with what became of it.

    Attributes:
        texts: of the new documents; none where the policy was left out.
        proved: None where there is nothing to compare.
        differences: those that count.
        caveats: what the proof leaves aside.
    """

    conversion: Conversion
    texts: tuple[str, ...]
    proved: Proved | None
    differences: tuple[Difference, ...]
    caveats: tuple[Caveat, ...]

    @property
    def status(self) -> Status:
        """Return what is known of the conversion."""
        if self.differences or self.proved is None:
            return Status.DIFFERENT
        return self.proved.status

    @property
    def lines(self) -> tuple[int, int]:
        """Return the first and last line of the classic policy, comments above it included."""
        return lines_of(self.conversion.document)

    @property
    def document(self) -> PolicyDocument:
        """Return the classic policy."""
        return self.conversion.document


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """The outcome of a run.

    Attributes:
        converted: policies about images, in the order of their places.
        mistakes: of texts and policies.
        others: how many policies are not about images.
        sources: the texts.
    """

    converted: tuple[Converted, ...]
    mistakes: tuple[PolicyError, ...]
    notices: tuple[str, ...]
    sources: tuple[Source, ...]


def convert_inputs(inputs: Inputs, options: Options, progress: Progress | None = None) -> ConversionReport:
    """Return what becomes of the policies in some texts.

    Args:
        inputs: the texts.
        options: what counts.
        progress: is told how many texts are done.
    """
    converted: list[Converted] = []
    mistakes = list(inputs.errors)
    notices = list(inputs.notices)
    for number, source in enumerate(inputs.sources):
        if progress:
            progress(number, len(inputs.sources), source.name)
        content = read_policies(source)
        mistakes += content.errors
        for document in content.policies:
            lowered = lower([document])
            mistakes += lowered.errors
            for policy in lowered.policies.policies:
                found = convert(document, policy)
                if found is None:
                    notices.append(f"{document.location()}: {policy.key} is not about images: left alone")
                else:
                    converted.append(_judged(found, options))
    return ConversionReport(
        converted=tuple(converted), mistakes=tuple(mistakes), notices=tuple(notices), sources=inputs.sources
    )


def _judged(conversion: Conversion, options: Options) -> Converted:
    if options.everywhere:
        conversion = everywhere(conversion)
    differences = [d for d in conversion.differences if not (d.of_kyverno and options.for_pratique)]
    caveats = conversion.caveats
    if options.strict:
        place = conversion.document.location("metadata", "name")
        differences += [_as_difference(each, place) for each in caveats]
        caveats = ()
    made: tuple[str, ...] = ()
    proved = None
    if not conversion.is_final:
        made = texts(conversion)
        after = _read(conversion, made)
        proved = prove(conversion, after)
        if proved.unknown:
            judged = judge(conversion, after)
            proved = replace(proved, judged=judged.agreed, refuted=judged.refuted)
    is_same = not differences and proved is not None and proved.status is not Status.DIFFERENT
    return Converted(
        conversion=conversion,
        texts=made if is_same or options.allow_differences else (),
        proved=proved,
        differences=tuple(differences),
        caveats=caveats,
    )


def _as_difference(caveat: Caveat, place: Location) -> Difference:
    told = CAVEATS[caveat]
    return Difference(code=caveat.value, message=told.text, witness=told.witness, location=place)


def _read(conversion: Conversion, made: Sequence[str]) -> list[ir.Policy]:
    """Return the policies of new documents, as anybody reads them.

    Raises:
        AssertionError: conversion wrote what cannot be read.
    """
    found: list[ir.Policy] = []
    for draft, text in zip(conversion.drafts, made, strict=True):
        content = read_policies(Source(f"<converted {draft.key}>", text))
        lowered = lower((), content.cel_policies)
        problems = (*content.errors, *lowered.errors)
        if problems or len(lowered.policies.policies) != 1:
            raise AssertionError("\n".join(each.render() for each in problems) + "\n" + text)
        found += lowered.policies.policies
    return found
