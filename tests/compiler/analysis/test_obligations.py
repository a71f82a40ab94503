"""Implication between demands, against going through all sets of signers of a small world."""

from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.analysis.obligations import Gap, attestors, holds, implies, one_signer
from pratique.compiler.analysis.signers import Signer, find
from pratique.compiler.languages.search import Proof, Unknown
from pratique.compiler.texts import accepts

GITHUB = "https://token.actions.githubusercontent.com"


def keyless(
    subject: str, issuer: str = GITHUB, *, regexp: bool = False, annotations: tuple[tuple[str, str], ...] = ()
) -> ir.Attestor:
    test = ir.Search(text=subject) if regexp else ir.Glob(text=subject)
    return ir.Attestor(
        signer=ir.IdentitySigner(
            issuer=ir.TextTests(tests=(ir.Exactly(text=issuer),)), subject=ir.TextTests(tests=(test,))
        ),
        annotations=annotations,
    )


def key(name: str) -> ir.Attestor:
    return ir.Attestor(signer=ir.KeySigner(key=f"k8s://prod/{name}"))


def demand(*thresholds: ir.Threshold, attestations: tuple[ir.Attestation, ...] = ()) -> ir.ImageRequirement:
    return ir.ImageRequirement(
        images=ir.ImageRegion(include=(ir.ImagePattern(text="*"),)),
        signatures=thresholds,
        attestations=attestations,
    )


def at_least(count: int, *parts: ir.Attestor | ir.Threshold) -> ir.Threshold:
    return ir.Threshold(
        count=count, of=tuple(ir.Leaf(attestor=p) if isinstance(p, ir.Attestor) else p for p in parts)
    )


def every(*parts: ir.Attestor) -> ir.Threshold:
    return at_least(len(parts), *parts)


SUBJECTS = ["a", "b", "ab", "ba", "aa", "c"]
ATTESTORS = [
    *(keyless(text) for text in ("a", "a*", "*b", "*", "ab", "?")),
    keyless("^a", regexp=True),
    keyless("b$", regexp=True),
    key("one"),
    key("two"),
]
WORLD: list[str] = [*SUBJECTS, "key one", "key two"]


def takes(attestor: ir.Attestor, signer: str) -> bool:
    if isinstance(attestor.signer, ir.KeySigner):
        return attestor.signer.key.rpartition("/")[2] == signer.removeprefix("key ")
    assert isinstance(attestor.signer, ir.IdentitySigner)
    return not signer.startswith("key ") and accepts(attestor.signer.subject, signer)


def meets(requirement: ir.ImageRequirement, signed_by: tuple[str, ...]) -> bool:
    return all(
        holds(threshold, {a for a in attestors(threshold) if any(takes(a, s) for s in signed_by)})
        for threshold in requirement.signatures
    )


LEAVES = st.sampled_from(ATTESTORS)
THRESHOLDS = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=3, unique=True).flatmap(
        lambda parts: st.integers(1, len(parts)).map(lambda count: at_least(count, *parts))
    ),
    lambda inner: st.tuples(inner, LEAVES, st.integers(1, 2)).map(lambda t: at_least(t[2], t[0], t[1])),
    max_leaves=3,
)
DEMANDS = st.lists(THRESHOLDS, min_size=1, max_size=2).map(lambda ts: demand(*ts))


@settings(max_examples=300, deadline=None)
@given(DEMANDS, DEMANDS)
def test_implication_agrees_with_all_sets_of_signers(
    premise: ir.ImageRequirement, conclusion: ir.ImageRequirement
) -> None:
    answer = implies([premise], [conclusion])
    assert not isinstance(answer, Unknown)
    if isinstance(answer, Gap):
        signed_by = tuple(
            f"key {s.subject.rpartition('/')[2]}" if s.kind == "keys" else s.subject for s in answer.signers
        )
        assert meets(premise, signed_by)
        assert not meets(conclusion, signed_by)
        return
    for signed_by in chain.from_iterable(combinations(WORLD, n) for n in range(4)):
        assert not meets(premise, signed_by) or meets(conclusion, signed_by), signed_by


@settings(max_examples=200, deadline=None)
@given(st.lists(DEMANDS, min_size=1, max_size=2))
def test_one_signer_agrees_with_all_signers(requirements: list[ir.ImageRequirement]) -> None:
    answer = one_signer(requirements)
    assert not isinstance(answer, Unknown)
    if isinstance(answer, Signer):
        name = f"key {answer.subject.rpartition('/')[2]}" if answer.kind == "keys" else answer.subject
        assert all(meets(requirement, (name,)) for requirement in requirements)
    else:
        assert not any(all(meets(r, (signer,)) for r in requirements) for signer in WORLD)


def test_a_gap_shows_who_signs_and_what_is_missing() -> None:
    dev, release = keyless("dev@acme.example"), keyless("release@acme.example")
    answer = implies([demand(every(dev))], [demand(every(dev, release))])
    assert isinstance(answer, Gap)
    assert [str(s) for s in answer.signers] == [f"dev@acme.example ({GITHUB})"]
    assert isinstance(answer.demand, ir.Threshold)
    assert isinstance(implies([demand(every(dev, release))], [demand(every(dev))]), Proof)


def test_nothing_implies_a_demand_and_everything_implies_none() -> None:
    dev = keyless("dev@acme.example")
    assert implies([], [demand(every(dev))]) == Gap(demand=every(dev))
    assert isinstance(implies([demand(every(dev))], []), Proof)


def test_annotations_and_places_make_other_signatures() -> None:
    plain, claimed = keyless("dev"), keyless("dev", annotations=(("env", "prod"),))
    assert isinstance(implies([demand(every(claimed))], [demand(every(plain))]), Proof)
    assert isinstance(implies([demand(every(plain))], [demand(every(claimed))]), Gap)
    elsewhere = ir.Attestor(signer=plain.signer, repository="registry.example/signatures")
    assert isinstance(implies([demand(every(elsewhere))], [demand(every(plain))]), Gap)


def test_a_log_that_is_not_demanded_is_a_lighter_demand_on_keys() -> None:
    strict = key("one")
    light = ir.Attestor(signer=strict.signer, trust=ir.Trust(log=ir.LogPolicy(required=False)))
    assert isinstance(implies([demand(every(strict))], [demand(every(light))]), Proof)
    assert isinstance(implies([demand(every(light))], [demand(every(strict))]), Gap)


def test_statements_are_compared_by_type_conditions_and_signer() -> None:
    dev, anyone = every(keyless("dev")), every(keyless("*"))
    narrow = ir.Attestation(type="https://slsa.dev/provenance/v1", by=(dev,), conditions=("x",))
    wide = ir.Attestation(type="https://slsa.dev/provenance/v1", by=(anyone,))
    other = ir.Attestation(type="https://spdx.dev/Document", by=(dev,))
    assert isinstance(implies([demand(attestations=(narrow,))], [demand(attestations=(wide,))]), Proof)
    gap = implies(
        [demand(attestations=(wide,))], [demand(attestations=(ir.Attestation(type=wide.type, by=(dev,)),))]
    )
    assert isinstance(gap, Gap)
    assert not accepts(ir.TextTests(tests=(ir.Exactly(text="dev"),)), gap.signers[0].subject)
    assert isinstance(implies([demand(attestations=(wide,))], [demand(attestations=(narrow,))]), Unknown)
    assert isinstance(implies([demand(attestations=(narrow,))], [demand(attestations=(other,))]), Gap)


def test_what_cannot_be_read_is_unknown() -> None:
    odd = keyless(r"\bdev\b", regexp=True)
    assert isinstance(implies([demand(every(odd))], [demand(every(keyless("dev")))]), Unknown)
    assert isinstance(implies([demand(every(odd))], [demand(every(odd))]), Proof)
    variable = keyless("{{ request.object.metadata.name }}")
    assert isinstance(find([variable], [keyless("dev")]), Unknown)


def test_statements_of_others_that_are_left_aside() -> None:
    """Two signers can vouch for one type if each leaves the other aside, and not if neither does."""
    by = [at_least(1, key(name)) for name in ("one", "two")]
    for exclusive, other in ((True, Proof), (False, Gap)):
        both = [
            demand(attestations=(ir.Attestation(type="t", by=(each,), exclusive=exclusive),)) for each in by
        ]
        impossible = demand(at_least(1, key("three")))
        assert isinstance(implies(both, [impossible]), other)
    alone = demand(attestations=(ir.Attestation(type="t", by=(by[0],)),))
    aside = demand(attestations=(ir.Attestation(type="t", by=(by[0],), exclusive=False),))
    assert isinstance(implies([alone], [aside]), Proof)
    assert isinstance(implies([aside], [alone]), Unknown)
