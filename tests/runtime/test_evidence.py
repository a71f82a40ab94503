"""What is learned once, what is asked again, and what one verdict may rest on (R1, R3, K1, K3, K4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import TransportError
from pratique.grammar.image_reference import parse_image
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import Status
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import ONE_RUN, Lifetimes
from pratique.runtime.memory import Memory
from pratique.runtime.ports import Access, Digest, Repository
from pratique.runtime.resource import Resource
from tests.support_engine import FakeStore, FakeVerifier, World, pod
from tests.support_policies import KEYLESS, cluster_policy

APP = "ghcr.io/acme/app:v1"
REPOSITORY = Repository("ghcr.io", "acme/app")
DEV, OPS = {"subject": "dev@acme.example"}, {"subject": "ops@acme.example"}
OFF = {"verifyDigest": False, "required": False}
VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"


class Server:
    """A long-lived process: policies, images, a clock, and one body of evidence for all that is judged."""

    def __init__(self, *policies: str, lifetimes: Lifetimes | None = None, **memory: Any) -> None:
        self.world = World(*policies)
        self.store: FakeStore = self.world.store
        self.verifier: FakeVerifier = self.world.verifier
        self.now = 1000.0
        self.evidence = Evidence(
            self.store,
            self.verifier,
            lifetimes=lifetimes or Lifetimes(),
            memory=Memory(clock=lambda: self.now, **memory),
        )
        self.engine = Engine(self.world.plan, self.evidence)

    async def admit(self, *images: object, **more: Any) -> Status:
        resource = Resource(pod(*images, **more))
        (result,) = await self.engine.judge(resource, applicable(self.world.plan, resource))
        return result.status

    def judge(self, *images: object, **more: Any) -> Status:
        return asyncio.run(self.admit(*images, **more))

    def move(self, *signatures: Mapping[str, Any]) -> Digest:
        """Let the tag mean another image, and return the digest of that."""
        digest = self.store.image("ghcr.io/acme/app:other", *signatures)
        self.store.manifests[REPOSITORY, "v1"] = self.store.manifests[REPOSITORY, "other"]
        return digest

    def spent(self) -> tuple[int, int]:
        """Return requests and verifications since this was asked last."""
        found = self.store.requests.total(), self.verifier.verified
        self.store.requests.clear()
        self.verifier.verified = 0
        return found


def attested(**predicate: Any) -> dict[str, Any]:
    return {**DEV, "type": VULN, "predicate": predicate}


def keyless(**more: Any) -> dict[str, Any]:
    return {"attestors": [{"entries": [{"keyless": {**KEYLESS, **more}}]}]}


# --- across verdicts -------------------------------------------------------------------------------------


def test_the_second_admission_of_a_digest_costs_nothing() -> None:
    server = Server(cluster_policy(OFF))
    name = f"ghcr.io/acme/app@{server.store.image(APP, DEV)}"
    assert server.judge(name) is Status.PASS
    assert server.spent() == (2, 1)
    assert server.judge(name) is Status.PASS
    assert server.spent() == (0, 0)


def test_k3_a_tag_that_moves_is_verified_under_its_new_digest() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    assert server.judge(APP) is Status.PASS
    server.move(OPS)
    assert server.judge(APP) is Status.FAIL


def test_k3_with_a_lifetime_of_tags_the_move_is_seen_when_it_is_over() -> None:
    server = Server(cluster_policy(OFF), lifetimes=Lifetimes(tag=30.0))
    server.store.image(APP, DEV)
    assert server.judge(APP) is Status.PASS
    server.move(OPS)
    server.now += 29.0
    assert server.judge(APP) is Status.PASS
    server.now += 1.0
    assert server.judge(APP) is Status.FAIL


def test_k3_a_restart_has_nothing_to_remember() -> None:
    before = Server(cluster_policy(OFF))
    before.store.image(APP, DEV)
    assert before.judge(APP) is Status.PASS
    before.move(OPS)
    after = Server(cluster_policy(OFF))
    after.store.manifests, after.store.blobs = before.store.manifests, before.store.blobs
    assert after.judge(APP) is Status.FAIL


def test_k4_conditions_are_evaluated_on_every_admission() -> None:
    demand = {
        "type": VULN,
        "attestors": [{"entries": [{"keyless": KEYLESS}]}],
        "conditions": [
            {
                "all": [
                    {
                        "key": "{{ findings }}",
                        "operator": "LessThanOrEquals",
                        "value": "{{ request.object.metadata.annotations.allowed }}",
                    }
                ]
            }
        ],
    }
    server = Server(cluster_policy({**OFF, "attestors": [], "attestations": [demand]}))
    server.store.image(APP, attestations=[attested(findings=3)])
    allow = {"metadata": {"annotations": {"allowed": "5"}}}
    assert server.judge(APP, **allow) is Status.PASS
    server.spent()
    assert server.judge(APP, metadata={"annotations": {"allowed": "1"}}) is Status.FAIL
    assert server.spent() == (1, 0)  # the tag alone was asked for
    assert server.judge(APP, **allow) is Status.PASS


def test_another_trust_root_verifies_again() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    server.judge(APP)
    server.spent()
    server.verifier.trusted = "root-2"
    server.judge(APP)
    assert server.spent() == (1, 1)


def test_a_policy_that_demands_something_else_shares_only_what_is_the_same() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    assert server.judge(APP) is Status.PASS
    server.spent()
    stricter = World(cluster_policy({**OFF, **keyless(subject="ops@acme.example")}))
    server.engine, server.world = Engine(stricter.plan, server.evidence), stricter
    assert server.judge(APP) is Status.FAIL
    assert server.spent() == (1, 0)  # one method, one cryptography: only who signed is judged anew
    other = World(cluster_policy({**OFF, **keyless(roots="-----BEGIN CERTIFICATE-----")}))
    server.engine, server.world = Engine(other.plan, server.evidence), other
    server.judge(APP)
    assert server.spent() == (1, 1)


@pytest.mark.parametrize(("seconds", "expected"), [(14.0, Status.FAIL), (15.0, Status.PASS)])
def test_no_signature_is_believed_briefly(seconds: float, expected: Status) -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP)
    assert server.judge(APP) is Status.FAIL
    server.store.image(APP, DEV)
    server.now += seconds
    assert server.judge(APP) is expected


@pytest.mark.parametrize(("seconds", "expected"), [(14.0, Status.FAIL), (15.0, Status.PASS)])
def test_no_such_image_is_believed_briefly(seconds: float, expected: Status) -> None:
    server = Server(cluster_policy(OFF))
    assert server.judge(APP) is Status.FAIL
    server.store.image(APP, DEV)
    server.now += seconds
    assert server.judge(APP) is expected


def test_listings_are_asked_for_again_and_cryptography_is_not() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    server.judge(APP)
    server.spent()
    server.now += 299.0
    server.judge(APP)
    assert server.spent() == (1, 0)
    server.now += 1.0
    server.judge(APP)
    assert server.spent() == (3, 0)


def test_proof_is_not_believed_for_ever() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    server.judge(APP)
    server.spent()
    server.now += 3600.0
    server.judge(APP)
    assert server.spent() == (3, 1)


def test_r6_an_outage_is_an_error_and_forgotten() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)
    server.store.down.add("ghcr.io")
    assert server.judge(APP) is Status.ERROR
    server.store.down.clear()
    assert server.judge(APP) is Status.PASS


def test_an_outage_is_asked_about_once_in_a_verdict_and_in_a_run() -> None:
    keys = [{"keys": {"publicKeys": f"K{n}"}} for n in range(15)]
    policy = cluster_policy({**OFF, "attestors": [{"entries": keys, "count": 1}]})
    for lifetimes, expected in ((Lifetimes(), 2), (ONE_RUN, 1)):
        server = Server(policy, lifetimes=lifetimes)
        server.store.down.add("ghcr.io")
        for _ in range(2):
            assert server.judge(APP) is Status.ERROR
        assert server.spent() == (expected, 0)


def test_hundred_concurrent_admissions_cost_one_verification() -> None:
    server = Server(cluster_policy(OFF))
    server.store.image(APP, DEV)

    async def crowd() -> Sequence[Status]:
        return await asyncio.gather(*(server.admit(APP, metadata={"name": f"p{n}"}) for n in range(100)))

    assert set(asyncio.run(crowd())) == {Status.PASS}
    assert server.store.requests["manifest ghcr.io/acme/app:v1"] == 1
    assert server.spent() == (3, 1)


def test_the_memory_is_bounded_and_a_small_one_gives_the_same_verdicts() -> None:
    server = Server(cluster_policy(OFF), max_bytes=4096, max_entries=3)
    for number in range(20):
        server.store.image(f"ghcr.io/acme/app:v{number}", DEV if number % 2 else OPS)
    for _ in range(2):
        found = [server.judge(f"ghcr.io/acme/app:v{number}") for number in range(20)]
        assert found == [Status.FAIL, Status.PASS] * 10


def test_values_of_variables_do_not_make_the_plan_grow() -> None:
    subject = "{{ request.object.metadata.labels.team }}@acme.example"
    server = Server(cluster_policy({**OFF, **keyless(subject=subject)}), max_entries=100)
    server.store.image(APP, DEV)
    nodes = len(server.world.plan.graph.nodes)
    for number in range(300):
        expected = Status.PASS if number == 7 else Status.FAIL
        team = "dev" if number == 7 else f"team-{number}"
        assert server.judge(APP, metadata={"labels": {"team": team}}) is expected
    assert len(server.world.plan.graph.nodes) == nodes
    assert server.verifier.verified == 1


# --- one verdict -----------------------------------------------------------------------------------------


def test_r1_a_tag_that_moves_while_a_verdict_is_made_does_not_split_it() -> None:
    subjects = ("dev@acme.example", "ops@acme.example")
    sets = [{"entries": [{"keyless": {**KEYLESS, "subject": subject}}]} for subject in subjects]
    server = Server(cluster_policy({**OFF, "attestors": sets}))
    server.store.image(APP, DEV)
    honest, moved = server.store.manifest, []

    async def moving(repository: Repository, reference: str) -> Any:
        manifest = await honest(repository, reference)
        if reference == "v1":
            moved.append(server.move(OPS))
        return manifest

    server.store.manifest = moving  # type: ignore[method-assign]
    assert server.judge(APP) is Status.FAIL  # one image has one signature, the other has the other
    assert len(moved) == 1


def test_what_is_settled_takes_one_look_for_as_long_as_what_it_rests_on() -> None:
    memory = Memory(clock=lambda: server.now)
    server = Server(cluster_policy(OFF))
    server.engine.evidence = Evidence(
        server.store, server.verifier, lifetimes=Lifetimes(listing=10.0), memory=memory
    )
    name = f"ghcr.io/acme/app@{server.store.image(APP, DEV)}"
    assert server.judge(name) is Status.PASS
    looked = memory.hits
    assert server.judge(name) is Status.PASS
    assert memory.hits - looked == 1
    server.now += 10.0
    server.store.image(APP)  # the signature is gone
    server.store.manifests = {
        key: body for key, body in server.store.manifests.items() if ".sig" not in key[1]
    }
    assert server.judge(name) is Status.FAIL


def test_r1_a_verdict_rests_on_one_list_whatever_others_settled_meanwhile() -> None:
    subjects = ("dev@acme.example", "ops@acme.example")
    sets = [{"entries": [{"keyless": {**KEYLESS, "subject": subject}}]} for subject in subjects]
    server = Server(cluster_policy({**OFF, "attestors": sets}))
    image = parse_image(f"ghcr.io/acme/app@{server.store.image(APP, OPS)}")
    (requirement,) = server.world.plan.rules[0].rule.requirements
    dev, ops = (found.of[0].attestor for found in requirement.signatures)  # type: ignore[union-attr]

    async def scenario() -> None:
        early = server.evidence.evaluation()
        assert (await early.attested(image, ops)).met
        server.now += 1_000
        server.store.image(APP, DEV)
        late = server.evidence.evaluation()
        assert (await late.attested(image, dev)).met
        assert not (await early.attested(image, dev)).met
        assert not (await late.attested(image, ops)).met

    asyncio.run(scenario())


def test_r1_two_who_ask_at_the_same_time_get_one_digest() -> None:
    server = Server(cluster_policy(OFF))
    first = server.store.image(APP, DEV)
    image = parse_image(APP)

    async def scenario() -> None:
        evaluation = server.evidence.evaluation()
        other = evaluation.through(use_cache=False)
        honest = server.store.manifest

        async def moving(repository: Repository, reference: str) -> Any:
            manifest = await honest(repository, reference)
            server.move(OPS)
            return manifest

        server.store.manifest = moving  # type: ignore[method-assign]
        found = await asyncio.gather(evaluation.digest(image), other.digest(image))
        assert set(found) == {first}

    asyncio.run(scenario())


# --- useCache: false -------------------------------------------------------------------------------------


def test_without_cache_everything_is_asked_on_every_admission() -> None:
    keys = [{"keys": {"publicKeys": f"K{n}"}} for n in range(15)]
    entry = {**OFF, "useCache": False, "attestors": [{"entries": keys, "count": 1}]}
    server = Server(cluster_policy(entry), lifetimes=Lifetimes(tag=60.0))
    server.store.image(APP, {"key": "K3"})
    for _ in range(2):
        assert server.judge(APP) is Status.PASS
        assert server.spent() == (3, 4)  # within one verdict everything is asked once


def test_one_entry_without_cache_resolves_the_tag_anew_for_all() -> None:
    entries = [
        {
            "imageReferences": ["ghcr.io/acme/*"],
            "mutateDigest": False,
            "attestors": [{"entries": [{"keyless": KEYLESS}]}],
            "useCache": use_cache,
            **OFF,
        }
        for use_cache in (True, False)
    ]
    server = Server(cluster_policy(rule={"verifyImages": entries}), lifetimes=Lifetimes(tag=60.0))
    server.store.image(APP, DEV)
    assert server.judge(APP) is Status.PASS
    server.spent()
    server.move(OPS)
    assert server.judge(APP) is Status.FAIL
    assert server.store.requests["manifest ghcr.io/acme/app:v1"] == 1


def test_a_run_asks_once_with_and_without_cache() -> None:
    server = Server(cluster_policy({**OFF, "useCache": False}), lifetimes=ONE_RUN)
    server.store.image(APP, DEV)
    for _ in range(5):
        server.judge(APP)
    assert server.spent() == (3, 1)


# --- who asks --------------------------------------------------------------------------------------------


def test_r3_what_one_way_was_told_another_is_not() -> None:
    server = Server(cluster_policy(OFF))
    digest = server.store.image(APP, DEV)
    image = parse_image(f"ghcr.io/acme/app@{digest}")
    attestor = ir.Attestor(signer=ir.IdentitySigner())
    forbidden = FakeStore()
    forbidden.down.add("ghcr.io")

    async def scenario() -> None:
        evaluation = server.evidence.evaluation()
        assert len(await evaluation.candidates(image, attestor)) == 1
        stranger = evaluation.through(Access(store=forbidden, id="stranger"))
        with pytest.raises(TransportError):
            await stranger.candidates(image, attestor)
        same = server.evidence.evaluation().through(Access(store=forbidden, id=""))
        assert len(await same.candidates(image, attestor)) == 1

    asyncio.run(scenario())
