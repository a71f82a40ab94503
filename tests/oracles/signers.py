"""Signers and demands, against a world of holders and signatures in which everything is tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from random import Random
from typing import NamedTuple, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis import signers
from pratique.compiler.analysis.obligations import Gap, implies, one_signer
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.search import Proof
from pratique.compiler.texts import accepts
from pratique.grammar.wildcard import matches
from tests.oracles.procedures import Procedure, agree, kind
from tests.support_oracles import WORDS, text_tests

ORACLE = "all holders, signatures and sets of them in a small world, judged by the tests of the runtime"

FORMATS = (ir.SignatureFormat.COSIGN, ir.SignatureFormat.SIGSTORE_BUNDLE)
REPOSITORIES = ("", "registry.example/signatures")
CLAIMS = (("env", "prod"), ("team", "a"))
ROOTS = (None, "ROOT")


class Holder(NamedTuple):
    """Who signs: `text` names a key or certificate; of identities it is empty."""

    form: type[ir.Signer]
    text: str = ""
    issuer: str = ""
    subject: str = ""
    extension: str | None = None


class Signature(NamedTuple):
    """A signature of a holder: where it is, and what comes with it."""

    format: ir.SignatureFormat
    repository: str
    claims: frozenset[tuple[str, str]]
    root: str | None
    is_logged: bool
    has_sct: bool
    is_fresh: bool


SIGNATURES = tuple(
    Signature(*parts)
    for parts in product(
        FORMATS,
        REPOSITORIES,
        [
            frozenset(c for c, chosen in zip(CLAIMS, bits, strict=True) if chosen)
            for bits in product((0, 1), repeat=2)
        ],
        ROOTS,
        (True, False),
        (True, False),
        (True, False),
    )
)


@lru_cache(maxsize=10_000)
def _seen(attestor: ir.Attestor) -> int:
    """Return the signatures that the attestor finds and trusts, whoever made them: a bit for each."""
    return sum(1 << place for place, signature in enumerate(SIGNATURES) if _sees(attestor, signature))


def _sees(attestor: ir.Attestor, signature: Signature) -> bool:
    log = attestor.trust.log.required
    # Without the log it is today's clock that a certificate must be valid by.
    timely = signature.is_logged if log else isinstance(attestor.signer, ir.KeySigner) or signature.is_fresh
    return (
        attestor.format is signature.format
        and attestor.repository == signature.repository
        and set(attestor.annotations) <= signature.claims
        and attestor.trust.roots == signature.root
        and timely
        and (signature.has_sct or not attestor.trust.sct.required)
    )


def _is_of(signer: ir.Signer, holder: Holder) -> bool:
    match signer:
        case ir.IdentitySigner():
            return (
                holder.form is ir.IdentitySigner
                and accepts(signer.issuer, holder.issuer)
                and accepts(signer.subject, holder.subject)
                and all(
                    holder.extension is not None and matches(glob, holder.extension)
                    for _, glob in signer.extensions
                )
            )
        case ir.KeySigner(key=text) | ir.CertificateSigner(certificate=text):
            return type(signer) is holder.form and "".join(text.split()) == holder.text
        case _:
            return False


def attestor(random: Random) -> ir.Attestor:
    """Return an attestor: keyless as a rule, and as a rule without peculiarities."""
    shape = random.random()
    signer: ir.Signer
    if shape < 0.25:
        signer = ir.KeySigner(key=random.choice(("one", "on\ne", "two")))
    elif shape < 0.32:
        signer = ir.CertificateSigner(certificate=random.choice(("first", "second")))
    else:
        extension = random.choice(("a", "b", "*", "?", "a*", "??"))
        signer = ir.IdentitySigner(
            issuer=text_tests(random, 1),
            subject=text_tests(random),
            extensions=(("ref", extension),) if random.random() < 0.2 else (),
        )
    odd = random.random() < 0.4
    trust = ir.Trust(
        roots=random.choice(ROOTS),
        log=ir.LogPolicy(required=random.random() < 0.6),
        sct=ir.SctPolicy(required=random.random() < 0.6),
    )
    return ir.Attestor(
        signer=signer,
        format=random.choice((*FORMATS, FORMATS[0], FORMATS[0])) if odd else FORMATS[0],
        repository=random.choice((*REPOSITORIES, "")) if odd else "",
        annotations=tuple(c for c in CLAIMS if random.random() < 0.3) if odd else (),
        trust=trust if odd else ir.Trust(),
    )


def _holders(attestors: Iterable[ir.Attestor]) -> list[Holder]:
    """Return a holder of each sort that the attestors tell apart."""
    people = [each.signer for each in attestors if isinstance(each.signer, ir.IdentitySigner)]
    issuers = {tuple(accepts(p.issuer, word) for p in people): word for word in reversed(WORDS)}
    subjects = {tuple(accepts(p.subject, word) for p in people): word for word in reversed(WORDS)}
    globs = [glob for person in people for _, glob in person.extensions]
    extensions: dict[object, str | None] = {None: None}
    if globs:
        extensions |= {tuple(matches(glob, word) for glob in globs): word for word in reversed(WORDS)}
    found = [
        Holder(ir.IdentitySigner, issuer=issuer, subject=subject, extension=extension)
        for issuer, subject, extension in product(issuers.values(), subjects.values(), extensions.values())
    ]
    for each in attestors:
        if isinstance(each.signer, ir.KeySigner):
            found.append(Holder(ir.KeySigner, "".join(each.signer.key.split())))
        if isinstance(each.signer, ir.CertificateSigner):
            found.append(Holder(ir.CertificateSigner, each.signer.certificate))
    return found


def _holder(signer: Signer, extension: str | None) -> Holder:
    form = type(signer.attestor.signer)
    if form is ir.IdentitySigner:
        return Holder(form, issuer=signer.issuer, subject=signer.subject, extension=extension)
    return Holder(form, "".join(signer.subject.split()))


def _can(holder: Holder, inside: Sequence[ir.Attestor], outside: Sequence[ir.Attestor]) -> bool:
    """Say whether a holder can meet all of `inside`, a signature for each, and none of `outside`."""
    if not all(_is_of(each.signer, holder) for each in inside) or len({each.format for each in inside}) != 1:
        return False
    danger = 0
    for each in outside:
        if _is_of(each.signer, holder):
            danger |= _seen(each)
    return all(_seen(each) & ~danger for each in inside)


def _find(random: Random) -> list[str]:
    inside = [attestor(random) for _ in range(random.choice((1, 1, 2)))]
    outside = [attestor(random) for _ in range(random.randrange(4))]
    answer = signers.find(inside, outside)
    about = (answer, inside, outside)
    if isinstance(answer, Signer):
        people = {_holder(answer, extension) for extension in (None, *WORDS[:20])}
        agree(any(_can(holder, inside, outside) for holder in people), "a false signer", *about)
    elif isinstance(answer, Proof):
        able = [holder for holder in _holders([*inside, *outside]) if _can(holder, inside, outside)]
        agree(not able, "a missed signer", able[:1], *about)
    return [kind(answer)]


def threshold(random: Random, pool: Sequence[ir.Attestor], depth: int = 1) -> ir.Threshold:
    """Return a threshold over attestors of `pool`, one within another at times."""
    parts: list[ir.Formula] = [
        threshold(random, pool, depth - 1)
        if depth and random.random() < 0.2
        else ir.Leaf(attestor=random.choice(pool))
        for _ in range(random.randrange(1, 4))
    ]
    return ir.Threshold(count=random.randrange(1, len(parts) + 1), of=tuple(parts))


def _demand(random: Random, pool: Sequence[ir.Attestor]) -> ir.ImageRequirement:
    thresholds = tuple(threshold(random, pool) for _ in range(random.choice((1, 1, 2))))
    return ir.ImageRequirement(images=ir.ImageRegion(include=()), signatures=thresholds)


_Demand: TypeAlias = "int | tuple[int, tuple[_Demand, ...]]"
"""An attestor, as a bit, or a threshold."""


def _plain(formula: ir.Formula, bits: Mapping[ir.Attestor, int]) -> _Demand:
    if isinstance(formula, ir.Leaf):
        return bits[formula.attestor]
    distinct = dict.fromkeys(formula.of)  # parts that are written alike count once
    return formula.count, tuple(_plain(part, bits) for part in distinct)


def _plain_demands(demands: Iterable[ir.ImageRequirement], pool: Sequence[ir.Attestor]) -> list[_Demand]:
    bits = {each: 1 << place for place, each in enumerate(pool)}
    return [_plain(each, bits) for demand in demands for each in demand.signatures]


def _holds(demand: _Demand, met: int) -> bool:
    if isinstance(demand, int):
        return demand & met != 0
    count, parts = demand
    return sum(_holds(part, met) for part in parts) >= count


def _meets(demands: Iterable[_Demand], met: int) -> bool:
    return all(_holds(each, met) for each in demands)


def _met_sets(pool: Sequence[ir.Attestor], makers: Iterable[Iterable[Holder]]) -> set[int]:
    """Return what sets of attestors of `pool` can be met by any signatures of some of the holders."""
    reached = {0}
    for holders in makers:
        for met in {taken for holder in holders for taken in _taken(pool, holder)}:
            reached |= {known | met for known in reached}
    return reached


def _taken(pool: Sequence[ir.Attestor], holder: Holder) -> Iterator[int]:
    """Yield, for each signature that the holder can make, the attestors that take it."""
    cells = {0: (1 << len(SIGNATURES)) - 1}
    for place, each in enumerate(pool):
        if _is_of(each.signer, holder):
            seen, before = _seen(each), cells
            cells = {taken: unseen for taken, cell in before.items() if (unseen := cell & ~seen)}
            cells |= {taken | 1 << place: cell & seen for taken, cell in before.items() if cell & seen}
    yield from cells


def _implication(random: Random) -> list[str]:
    pool = list(dict.fromkeys(attestor(random) for _ in range(random.randrange(1, 5))))
    premise, conclusion = [_demand(random, pool)], [_demand(random, pool)]
    answer = implies(premise, conclusion)
    given, wanted = _plain_demands(premise, pool), _plain_demands(conclusion, pool)
    about = (answer, premise, conclusion)
    if isinstance(answer, Gap):
        makers = [[_holder(s, extension) for extension in (None, *WORDS[:20])] for s in answer.signers]
        sets = _met_sets(pool, makers)
        agree(any(_meets(given, met) and not _meets(wanted, met) for met in sets), "a false gap", *about)
    elif isinstance(answer, Proof):
        sets = _met_sets(pool, [_holders(pool)])
        gaps = [met for met in sets if _meets(given, met) and not _meets(wanted, met)]
        agree(not gaps, "a missed gap", gaps[:1], *about)
    return [kind(answer)]


def _one_signer(random: Random) -> list[str]:
    pool = list(dict.fromkeys(attestor(random) for _ in range(random.randrange(1, 4))))
    demands = [_demand(random, pool) for _ in range(random.choice((1, 2)))]
    answer = one_signer(demands)
    if isinstance(answer, Signer):
        people = [_holder(answer, extension) for extension in (None, *WORDS[:20])]
    elif isinstance(answer, Proof):
        people = _holders(pool)
    else:
        return [kind(answer)]
    wanted = _plain_demands(demands, pool)
    able = any(_meets(wanted, _signed_by(holder, form, pool)) for holder in people for form in FORMATS)
    agree(able == isinstance(answer, Signer), "one signer", answer, demands)
    return [kind(answer)]


def _signed_by(holder: Holder, form: ir.SignatureFormat, pool: Sequence[ir.Attestor]) -> int:
    """Return the attestors that a signature meets which carries all that any of them asks for."""
    return sum(
        1 << place for place, each in enumerate(pool) if each.format is form and _is_of(each.signer, holder)
    )


PROCEDURES = (
    Procedure("signers inside and outside", ORACLE, _find),
    Procedure("implication of demands", ORACLE, _implication),
    Procedure("one signer for all demands", ORACLE, _one_signer),
)
