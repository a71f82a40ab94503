"""What the IR demands, in words: phrases that hold phrases, for help texts and plans.

Texts of policies stand in backquotes, each on one line and cut where it is long; they are strangers' texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from pratique.compiler import ir
from pratique.compiler.analysis.signers import holder

MAX_TEXT: Final = 200
"""Characters of a policy's text that a phrase repeats."""

_FORMATS: Final = {
    ir.SignatureFormat.COSIGN: "",
    ir.SignatureFormat.SIGSTORE_BUNDLE: "stored as a Sigstore bundle",
    ir.SignatureFormat.NOTARY: "in the format of the Notary Project",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a sentence, and the parts that it announces."""

    text: str
    parts: tuple[Phrase, ...] = ()

    def lines(self, indent: int = 0) -> Iterator[str]:
        """Yield the phrase as nested lists: a line each, two blanks deeper for each level."""
        yield f"{'  ' * indent}- {self.text}"
        for part in self.parts:
            yield from part.lines(indent + 1)


def quote(text: str) -> str:
    """Return a text of a policy in backquotes, as Markdown reads them."""
    shown = "".join(c if c.isprintable() else "·" for c in text[: MAX_TEXT + 1])
    if len(text) > MAX_TEXT:
        shown = f"{shown[: MAX_TEXT - 1]}…"
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def requirement(of: ir.ImageRequirement) -> tuple[Phrase, ...]:
    """Return what an entry demands of each of its images, all of which must hold."""
    found = [formula(each) for each in of.signatures]
    found += [attestation(each) for each in of.attestations]
    if of.denial:
        found.append(Phrase("conditions over these statements under which the image is refused"))
    if of.demand_digest and not of.pin_digest:
        found.append(Phrase("a digest in its name"))
    if not found and of.demand_proof:
        found.append(Phrase("proof by another entry of the rule"))
    return tuple(found)


def settings(of: ir.ImageRequirement) -> tuple[str, ...]:
    """Return what happens besides."""
    return ("the digest that was verified is written into the resource",) if of.pin_digest else ()


def attestation(of: ir.Attestation) -> Phrase:
    """Return which statement is demanded, by whom, and that it is looked into."""
    kind = f"a signed statement of type {quote(of.type)}"
    if of.conditions:
        blocks = len(of.conditions)
        kind += f" whose content meets {'a condition block' if blocks == 1 else f'{blocks} condition blocks'}"
    return Phrase(kind, tuple(formula(each) for each in of.by))


def formula(of: ir.Formula) -> Phrase:
    """Return who must have signed."""
    match of:
        case ir.Leaf(attestor=leaf):
            return Phrase(attestor(leaf))
        case ir.Threshold(count=count, of=parts):
            if count == len(parts) == 1:
                return formula(parts[0])
            return Phrase(threshold(count, len(parts)), tuple(formula(part) for part in parts))
        case _:
            assert_never(of)


def threshold(count: int, of: int) -> str:
    """Return how many of so many parts must be met."""
    if count > of:
        return f"at least {count} of {of}, which nobody can meet"
    if count == of:
        return "all of"
    return "any of" if count == 1 else f"at least {count} of {of}"


def attestor(of: ir.Attestor) -> str:
    """Return whose signature meets an attestor, and what else is asked of it."""
    return ", ".join([f"a signature by {signer(of.signer)}", *_asked(of)])


def signer(of: ir.Signer) -> str:
    """Return who is meant."""
    match of:
        case ir.IdentitySigner():
            who = _texts(of.subject, "any identity", "an identity")
            by = _texts(of.issuer, "any issuer", "an issuer")
            told = [f"extension {quote(name)} {_like(ir.Glob(text=glob))}" for name, glob in of.extensions]
            return f"{who}, vouched for by {by}" + (f" with {' and '.join(told)}" if told else "")
        case ir.KeySigner():
            hashed = "" if of.hash_algorithm == "sha256" else f" over {of.hash_algorithm}"
            return f"{holder_of(of)}{hashed}"
        case ir.CertificateSigner():
            if not of.certificate:
                return "the holder of any certificate under the given chain"
            under = " under the given chain" if of.chain else ""
            return f"{holder_of(of)}{under}"
        case ir.TrustStoreSigner():
            return "a chain that holds one of the given certificates"
        case _:
            assert_never(of)


def holder_of(of: ir.KeySigner | ir.CertificateSigner) -> str:
    """Return a key or certificate as a phrase names it."""
    name, kind = holder(of), "the key" if isinstance(of, ir.KeySigner) else "the certificate"
    return name if name.startswith("the holder") else f"{kind} {quote(name)}"


def _texts(tests: ir.TextTests, anything: str, something: str) -> str:
    if not tests.tests:
        return anything
    if len(tests.tests) == 1 and _is_plain(tests.tests[0]):
        return quote(tests.tests[0].text)
    joined = (" and " if tests.every else " or ").join(map(_like, tests.tests))
    return f"{something} {joined}"


def _is_plain(test: ir.Exactly | ir.Glob | ir.Search) -> bool:
    return isinstance(test, ir.Exactly) or (isinstance(test, ir.Glob) and not set(test.text) & {"*", "?"})


def _like(test: ir.Exactly | ir.Glob | ir.Search) -> str:
    if _is_plain(test):
        return f"equal to {quote(test.text)}"
    found = "in which there is" if isinstance(test, ir.Search) else "like"
    return f"{found} {quote(test.text)}"


def _asked(of: ir.Attestor) -> Iterator[str]:
    """Yield what is asked of a signature besides who made it, as far as it is not the usual."""
    if _FORMATS[of.format]:
        yield _FORMATS[of.format]
    if of.repository:
        yield f"kept in {quote(of.repository)}"
    if of.annotations:
        yield f"with the annotations {_pairs(of.annotations)}"
    match of.signer:
        case ir.TrustStoreSigner():
            pass  # asks no authority and no log
        case _:
            yield from trust(of.trust, certificates=isinstance(of.signer, ir.IdentitySigner))


def trust(of: ir.Trust, *, certificates: bool = False) -> Iterator[str]:
    """Yield what the cryptography of a signature is anchored in, as far as it is not the usual.

    `certificates` are those of identities, which a log has recorded, too.
    """
    if of.roots:
        yield "under the given certificate authorities"
    if of.trusted_root:
        yield "under the given trust root"
    if of.timestamp_chain:
        yield "at a time that the given timestamp authority states"
    if not of.log.required:
        yield "whether or not a log recorded it"
    elif of.log.public_keys:
        yield "recorded by a log with the given key"
    if certificates and not of.sct.required:
        yield "whether or not its certificate was logged"
    elif certificates and of.sct.public_keys:
        yield "its certificate logged by a log with the given key"


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(quote(f"{key}={value}") for key, value in pairs)


def images(of: ir.ImageRegion) -> str:
    """Return which images a region holds."""
    text = " or ".join(quote(pattern.text) for pattern in of.include) or "no image"
    without = " and without ".join(quote(pattern.text) for pattern in of.skip)
    return f"{text} without {without}" if without else text
