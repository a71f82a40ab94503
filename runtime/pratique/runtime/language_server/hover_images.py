"""What a pattern of images matches and what it misses, by examples that are proofs."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.languages.samples import left_out, samples, taken_away
from pratique.compiler.languages.search import Answer, Proof, Witness
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.repairs import reason, repair
from pratique.compiler.lint.wording import quoted
from pratique.compiler.phrases import quote


def of_pattern(pattern: ir.ImagePattern, field: str, requirement: ir.ImageRequirement | None) -> str:
    """Return what an entry's pattern means; `field` is the list that it stands in."""
    if "{{" in pattern.text:
        return (
            f"{quote(pattern.text)} holds variables: which images it matches is known once they have values."
        )
    shown = samples(pattern)
    if isinstance(shown.tagged, Proof) and isinstance(shown.digested, Proof):
        return _of_nothing(pattern.text)
    lines = [f"{quote(pattern.text)} matches", ""]
    lines += [f"- by tag: {_told(shown.tagged)}", f"- by digest: {_told(shown.digested)}"]
    if shown.deeper:
        lines.append(f"- `*` crosses `/`: {quote(shown.deeper)}")
    if shown.missed:
        lines += ["", "and does not match", "", *(f"- {quote(text)}" for text in shown.missed)]
    if requirement:
        lines += _besides(pattern, field, requirement.images)
    return "\n".join(lines)


def _told(answer: Answer) -> str:
    match answer:
        case Witness(text=text):
            return quote(text)
        case Proof():
            return "none (proved)"
        case _:
            return "not decided"


def _of_nothing(text: str) -> str:
    facts = Facts(ir.PolicySet(policies=()))
    better = repair(text, facts)
    told = f"{quote(text)} matches no image (proved): {reason(text, facts)}."
    return f"{told}\n\nWrite {quoted(better.patterns)}." if better else told


def _besides(pattern: ir.ImagePattern, field: str, images: ir.ImageRegion) -> Iterator[str]:
    """Yield what the other list of the entry does with the pattern's images."""
    if field == "skipImageReferences":
        found = taken_away(pattern, images)
        yield from ("", f"Left out of the entry by this pattern alone: {_told(found)}")
        return
    for skip in images.skip:
        found = left_out(pattern, skip)
        if isinstance(found, Witness):
            yield from ("", f"{quote(skip.text)} leaves out: {_told(found)}")
