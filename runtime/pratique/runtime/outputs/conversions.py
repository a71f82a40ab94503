"""What became of converted policies, for people, for programs, and as the new documents themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pratique.compiler.converting.model import CAVEATS, Difference
from pratique.compiler.converting.proof import Status
from pratique.grammar.source import Source
from pratique.runtime.converting import ConversionReport, Converted
from pratique.runtime.outputs.differences import evidence, example, images, settings
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.text import Palette, visible

KIND: Final = "ConversionReport"
_COLORS: Final = {Status.EQUIVALENT: "32", Status.DIFFERENT: "31", Status.UNKNOWN: "33"}


# --- new documents -------------------------------------------------------------------------------------


def documents(converted: list[Converted]) -> str:
    """Return the new documents as one text, each but the first behind a mark."""
    return "---\n".join(text for each in converted for text in each.texts)


def replaced(source: Source, converted: list[Converted]) -> str:
    """Return a text in which new documents stand for the classic ones that they come from."""
    lines = source.text.splitlines(keepends=True)
    found: list[str] = []
    done = 0
    for each in converted:
        first, last = each.lines
        if each.texts:
            found += [*lines[done : first - 1], "---\n".join(each.texts)]
            done = last
    return "".join([*found, *lines[done:]])


# --- text ----------------------------------------------------------------------------------------------


def render_text(report: ConversionReport, palette: Palette) -> str:
    """Return a line for each policy, what differs with places and examples, and the counts."""
    blocks = ["\n".join(_block(each, palette)) for each in report.converted]
    caveats = dict.fromkeys(caveat for each in report.converted for caveat in each.caveats)
    if caveats:
        lines = ["Proofs leave aside what differs between the two languages whatever the policy:"]
        for caveat in caveats:
            told = CAVEATS[caveat]
            lines += [f"  {caveat}: {told.text}", f"    e.g. {told.witness}"]
        blocks.append("\n".join(lines))
    blocks.append(summary(report))
    return "\n\n".join(blocks) + "\n"


def _block(each: Converted, palette: Palette) -> Iterator[str]:
    policy = each.conversion.policy
    head = f"{each.document.location('metadata', 'name')}: {policy.kind} {policy.key}"
    yield f"{visible(head)}: {palette.paint(_COLORS[each.status], verdict(each))}"
    for difference in each.differences:
        yield from _difference(difference)
    for text in shown(each):
        yield f"  {visible(text)}"


def verdict(each: Converted) -> str:
    """Return what became of a policy, in a few words."""
    names = ", ".join(draft.name for draft in each.conversion.drafts)
    if not each.texts:
        return "left out"
    what = {
        Status.EQUIVALENT: "equivalent, proved",
        Status.DIFFERENT: "different",
        Status.UNKNOWN: "unknown whether it is equivalent",
    }[each.status]
    return f"{what} -> {visible(names)}"


def _difference(difference: Difference) -> Iterator[str]:
    place = f"{difference.location}: " if difference.location else ""
    yield f"{visible(place)}{difference.code}: {visible(difference.message)}"
    if difference.location:
        yield difference.location.source.excerpt(difference.location.span)
    yield f"  witness: {visible(difference.witness)}"


def shown(each: Converted) -> Iterator[str]:
    """Yield what the comparison shows, in sentences."""
    proved = each.proved
    if proved is None:
        return
    for name, image in proved.images:
        yield f"witness: {image}, which one of {name} and the classic policy alone is about"
    for change in proved.comparison.changes if proved.comparison else ():
        for shift in change.shifts:
            told = ", ".join([evidence(change, shift), *settings(shift)]).strip(", ")
            region = change.regions[0]
            which = ", ".join([images(region), *([told] if told else [])])
            yield f"witness: {shift.effect}: {which} ({example(region)})"
    yield from (f"witness: {text}" for text in proved.refuted)
    for text in proved.unknown:
        yield f"not decided: {text}"
    for text in proved.judged:
        yield f"judged by examples: {text}"


def summary(report: ConversionReport) -> str:
    """Return how many policies became what."""
    counts = [(status, sum(c.status is status for c in report.converted)) for status in Status]
    left_out = sum(not c.texts for c in report.converted)
    parts = [f"{count} {status}" for status, count in counts if count]
    parts += [f"{left_out} left out"] if left_out else []
    total = len(report.converted)
    return (
        f"{total} image {'policy' if total == 1 else 'policies'}: {', '.join(parts) or 'nothing to convert'}"
    )


# --- JSON ----------------------------------------------------------------------------------------------


def render_json(report: ConversionReport) -> str:
    """Return everything; `status` of each policy is `equivalent`, `different` or `unknown`."""
    return json_text(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "policies": [_policy(each) for each in report.converted],
            "caveats": {
                caveat.value: {"message": CAVEATS[caveat].text, "witness": CAVEATS[caveat].witness}
                for caveat in dict.fromkeys(c for each in report.converted for c in each.caveats)
            },
            "totals": {
                **{status.value: sum(c.status is status for c in report.converted) for status in Status},
                "leftOut": sum(not c.texts for c in report.converted),
            },
            "errors": [
                _place(error.location) | {"code": error.code, "message": error.message}
                for error in report.mistakes
            ],
            "notices": list(report.notices),
        }
    )


def _policy(each: Converted) -> dict[str, Any]:
    policy, proved = each.conversion.policy, each.proved
    return {
        "kind": policy.kind,
        "policy": policy.key,
        **_place(each.document.location("metadata", "name")),
        "status": each.status.value,
        "converted": [
            {"kind": draft.data["kind"], "policy": draft.key, "text": text}
            for draft, text in zip(each.conversion.drafts, each.texts, strict=False)
        ],
        "differences": [
            {
                "code": difference.code,
                "message": difference.message,
                "witness": difference.witness,
                "ofKyverno": difference.of_kyverno,
                **_place(difference.location),
            }
            for difference in each.differences
        ],
        "witnesses": [text for text in shown(each) if text.startswith("witness: ")],
        "undecided": list(proved.unknown) if proved else [],
        "judged": list(proved.judged) if proved else [],
        "caveats": [caveat.value for caveat in each.caveats],
    }


def _place(location: Any) -> dict[str, Any]:
    if location is None:
        return {}
    start = location.span.start
    return {"file": location.source.name, "line": start.line, "column": start.column}
