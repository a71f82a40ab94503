import json

import pytest

from pratique.runtime.lab import claims
from pratique.runtime.lab.faults import Fault
from pratique.runtime.ports import Digest, Repository

DIGEST = Digest("sha256:" + "1a" * 32)


def test_payload_is_that_of_cosign_byte_for_byte() -> None:
    payload = claims.simple_signing("registry.k8s.io/etcd", DIGEST, {"b": "2", "a": "1"}, frozenset())
    assert payload.decode() == (
        '{"critical":{"identity":{"docker-reference":"registry.k8s.io/etcd"},'
        f'"image":{{"docker-manifest-digest":"{DIGEST}"}},'
        '"type":"cosign container image signature"},"optional":{"a":"1","b":"2"}}'
    )


def test_no_annotations_are_null() -> None:
    assert claims.simple_signing("r/p", DIGEST, {}, frozenset()).endswith(b'"optional":null}')


@pytest.mark.parametrize(
    ("repository", "reference"),
    [
        (Repository("registry.k8s.io", "etcd"), "registry.k8s.io/etcd"),
        (Repository("docker.io", "kindest/kindnetd"), "index.docker.io/kindest/kindnetd"),
    ],
)
def test_reference(repository: Repository, reference: str) -> None:
    assert claims.docker_reference(repository) == reference


def test_statement() -> None:
    found = json.loads(
        claims.statement(claims.STATEMENT_V1, {"name": "r/p"}, DIGEST, "type", {"a": 1}, frozenset())
    )
    assert found == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "r/p", "digest": {"sha256": "1a" * 32}}],
        "predicateType": "type",
        "predicate": {"a": 1},
    }


def test_subjects_of_the_crowd_are_all_different() -> None:
    faults = frozenset({Fault.MANY_SUBJECTS})
    subjects = json.loads(claims.statement("v", {}, DIGEST, "t", {}, faults))["subject"]
    assert len({s["digest"]["sha256"] for s in subjects}) == 1025
    assert subjects[-1] == {"digest": {"sha256": "1a" * 32}}


def test_wrong_digest_depends_on_the_image() -> None:
    faults = frozenset({Fault.WRONG_DIGEST})
    other = Digest("sha256:" + "2b" * 32)
    payloads = {claims.simple_signing("r/p", d, {}, faults) for d in (DIGEST, other)}
    assert len(payloads) == 2
    assert all(d.encode() not in p for p in payloads for d in (DIGEST, other))
