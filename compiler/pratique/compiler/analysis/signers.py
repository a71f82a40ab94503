"""One signer inside some attestors and outside others.

An attestor accepts signatures of a *channel* (format, place, trust) that a *holder* made: the holder of a
key, of a certificate, or of an identity that a provider vouches for. Identities are pairs of an issuer and a
subject, each a regular language; keys and certificates are names that are equal or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis import identities
from pratique.compiler.languages.expressions import NOTHING, Expression, both
from pratique.compiler.languages.regexes import UnsupportedError
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness

MAX_SPLITS: Final = 512
"""Ways to keep out of some identities that are tried: each is kept out of by its issuer or by its subject."""

MAX_STATES: Final = 100_000
"""States that all searches for one signer may take together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody whose signature an attestor accepts: an example.

    Attributes:
        kind: `keyless`, `keys` or `certificates`.
        issuer: OIDC issuer; empty for keys and certificates.
        subject: subject of the certificate; for keys and certificates, how the policy names the holder.
        claims: annotations that the signature carries.
        extensions: further extensions of the certificate, as names and texts; it has no others.
        attestor: the attestor that it was made for.
    """

    kind: str
    subject: str
    issuer: str = ""
    claims: tuple[tuple[str, str], ...] = ()
    extensions: tuple[tuple[str, str], ...] = ()
    attestor: ir.Attestor = field(compare=False)

    def __str__(self) -> str:
        """Return `subject (issuer)`, or what the policy calls the key."""
        return f"{self.subject} ({self.issuer})" if self.issuer else self.subject


SignerAnswer = Signer | Proof | Unknown


def find(
    inside: Sequence[ir.Attestor], outside: Sequence[ir.Attestor] = (), *, max_states: int = MAX_STATES
) -> SignerAnswer:
    """Return one signer whose signature meets all of `inside` (at least one) and none of `outside`.

    All searches for its identity together take `max_states` at most. Answers are remembered.
    """
    return _find(tuple(inside), tuple(outside), max_states)


@lru_cache(maxsize=4096)
def _find(inside: tuple[ir.Attestor, ...], outside: tuple[ir.Attestor, ...], max_states: int) -> SignerAnswer:
    base = inside[0]
    if not all(_may_share(base, other) for other in inside[1:]):
        return Proof()
    avoided = [other for other in outside if any(covers_channel(other, each) for each in inside)]
    if any(other.signer == base.signer or _is_same_holder(other.signer, base.signer) for other in avoided):
        return Proof()
    if any("{{" in text for each in (*inside, *avoided) for text in _written(each.signer)):
        return Unknown("an attestor is made of variables")
    if not isinstance(base.signer, ir.IdentitySigner):
        claims = tuple(sorted({pair for each in inside for pair in each.annotations}))
        return Signer(kind=base.kind, subject=holder(base.signer), claims=claims, attestor=base)
    return _Identities(inside, avoided, max_states).find()


def covers_channel(wider: ir.Attestor, narrower: ir.Attestor) -> bool:
    """Say whether each signature that `narrower` gets to see, and trusts, is seen and trusted by `wider`.

    Who made it is not looked at. Where the answer is no, a signature for the one that the other does not take
    can be made: stored elsewhere, in another format, under another root, or without the annotations.
    """
    return (
        wider.format is narrower.format
        and wider.repository == narrower.repository
        and wider.referrers == narrower.referrers
        and _trusts(wider, narrower)
        and set(wider.annotations) <= set(narrower.annotations)
    )


def holder(signer: ir.Signer) -> str:
    """Return a name for the holder of a key or certificate: the reference, or the end of its PEM."""
    text = next((t for t in _texts(signer) if t), "")
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and "-----" not in line]
    if not lines or (len(text) < 200 and "-----" not in text):
        return text.strip()
    return (
        f"the holder of the {'key' if isinstance(signer, ir.KeySigner) else 'certificate'} …{lines[-1][-16:]}"
    )


def _texts(signer: ir.Signer) -> tuple[str, ...]:
    return tuple(
        value for value in (getattr(signer, name) for name in signer.__slots__) if isinstance(value, str)
    )


def _written(signer: ir.Signer) -> tuple[str, ...]:
    """Return every text that a policy writes to name a signer."""
    if isinstance(signer, ir.IdentitySigner):
        return tuple(test.text for tests in (signer.issuer, signer.subject) for test in tests.tests)
    return _texts(signer)


def _trusts(wider: ir.Attestor, narrower: ir.Attestor) -> bool:
    one, other = wider.trust, narrower.trust
    if one == other:
        return True
    # Without a log entry a certificate is judged by today's clock, so that a log that is not asked for is a
    # lighter demand on keys alone.
    lighter_log = not one.log.required and isinstance(wider.signer, ir.KeySigner)
    return (
        one.roots == other.roots
        and one.trusted_root == other.trusted_root
        and one.timestamp_chain == other.timestamp_chain
        and (one.log == other.log or lighter_log)
        and (one.sct == other.sct or not one.sct.required)
    )


def _may_share(first: ir.Attestor, second: ir.Attestor) -> bool:
    """Say whether one signature may meet both, as far as can be told without their identities."""
    if first.format is not second.format or type(first.signer) is not type(second.signer):
        return False
    return isinstance(first.signer, ir.IdentitySigner) or _is_same_holder(first.signer, second.signer)


def _is_same_holder(first: ir.Signer, second: ir.Signer) -> bool:
    """Say whether two keys or certificates are one, however their text is broken into lines."""
    if isinstance(first, ir.IdentitySigner) or type(first) is not type(second):
        return False
    return _squeezed(first) == _squeezed(second)


def _squeezed(signer: ir.Signer) -> tuple[str, ...]:
    return tuple("".join(text.split()) for text in _texts(signer))


class _Identities:
    """Keyless attestors: boxes of issuers, subjects and texts of extensions."""

    def __init__(
        self, inside: Sequence[ir.Attestor], avoided: Sequence[ir.Attestor], max_states: int
    ) -> None:
        self._max_states = self._left = max_states
        self._base = inside[0]
        self._inside = inside
        self._within = _identities(inside)
        self._names = tuple(sorted({name for signer in self._within for name, _ in signer.extensions}))
        # An extension that nothing demands can be left out of the certificate.
        self._avoided = [
            signer
            for signer in _identities(avoided)
            if all(name in self._names for name, _ in signer.extensions)
        ]

    @cached_property
    def _suggestions(self) -> tuple[str, ...]:
        signers = (*self._within, *self._avoided)
        return identities.plausible(tests for s in signers for tests in self._sides(s))

    def find(self) -> SignerAnswer:
        try:
            if self._differ_at_once():
                return Proof()
            within = [self._box(signer) for signer in self._within]
            shut = [self._box(signer) for signer in self._avoided]
        except UnsupportedError as error:
            return Unknown(f"the expression {str(error)!r} is outside what can be decided")
        whole = tuple(both(*side) for side in zip(*within, strict=True))
        unknown: Unknown | None = None
        for number, box in enumerate(_splits(whole, shut)):
            if number == MAX_SPLITS:
                return Unknown(f"more than {MAX_SPLITS} ways to keep out of the other identities")
            texts = [self._example(side) for side in box]
            found = [answer.text for answer in texts if isinstance(answer, Witness)]
            if len(found) == len(texts):
                return self._signer(*found)
            if not any(isinstance(answer, Proof) for answer in texts):
                unknown = next((answer for answer in texts if isinstance(answer, Unknown)), unknown)
        return unknown or Proof(self._max_states - self._left)

    def _differ_at_once(self) -> bool:
        """Say whether two attestors demand texts that start differently."""
        for tests in zip(*map(self._sides, self._within), strict=True):
            longest = ""
            for head in map(identities.head, dict.fromkeys(tests)):
                shorter, longer = sorted((head, longest), key=len)
                if not longer.startswith(shorter):
                    return True
                longest = longer
        return False

    def _example(self, side: Expression) -> Answer:
        limit = max(1, min(identities.MAX_STATES, self._left))
        answer = identities.example(side, self._suggestions, max_states=limit)
        self._left -= limit if isinstance(answer, Unknown) else answer.states
        return answer

    def _sides(self, signer: ir.IdentitySigner) -> tuple[ir.TextTests, ...]:
        """Return what the certificate must hold: issuer, subject, then extensions that anybody demands."""
        globs = {
            name: tuple(ir.Glob(text=glob) for other, glob in signer.extensions if other == name)
            for name in self._names
        }
        return signer.issuer, signer.subject, *(ir.TextTests(tests=globs[name]) for name in self._names)

    def _box(self, signer: ir.IdentitySigner) -> _Box:
        return tuple(identities.language(tests) for tests in self._sides(signer))

    def _signer(self, issuer: str, subject: str, *extensions: str) -> Signer:
        return Signer(
            kind="keyless",
            issuer=issuer,
            subject=subject,
            claims=tuple(sorted({pair for each in self._inside for pair in each.annotations})),
            extensions=tuple(zip(self._names, extensions, strict=True)),
            attestor=self._base,
        )


_Box: TypeAlias = tuple[Expression, ...]
"""One set of texts for each of issuer, subject and extensions."""


def _splits(box: _Box, shut: Sequence[_Box]) -> Iterator[_Box]:
    """Yield boxes that meet none of `shut`, and that together are all of `box` outside them."""
    if not shut:
        yield box
        return
    first, *rest = shut
    # The subject first: whoever keeps out by the subject alone is the plainest example.
    for side in sorted(range(len(box)), key=lambda side: (side != 1, side)):
        kept = both(box[side], identities.outside(first[side]))
        if kept is not NOTHING:
            yield from _splits((*box[:side], kept, *box[side + 1 :]), rest)


def _identities(attestors: Sequence[ir.Attestor]) -> list[ir.IdentitySigner]:
    return [each.signer for each in attestors if isinstance(each.signer, ir.IdentitySigner)]
