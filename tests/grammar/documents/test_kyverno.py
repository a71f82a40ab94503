from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from pratique.grammar.documents import ClusterPolicy, PolicyDocument, read_policies
from pratique.grammar.documents.attestors import Attestor, AttestorSet, KeylessAttestor, StaticKeyAttestor
from pratique.grammar.documents.kyverno import ImageVerification, Rule
from pratique.grammar.documents.schema import bare, fields
from pratique.grammar.source import Source
from tests.support_grammar import POLICIES, seconds


def policies(name: str) -> list[PolicyDocument]:
    return list(read_policies(Source(name, (POLICIES / name).read_text("utf-8"))).policies)


def entry(name: str, rule: int = 0) -> ImageVerification:
    (policy,) = policies(name)
    return policy.model.spec.rules[rule].verify_images[0]


def test_defaults_are_those_of_the_schema() -> None:
    read = ImageVerification.model_validate({})
    assert (read.mutate_digest, read.verify_digest, read.required, read.use_cache) == (True,) * 4
    assert (read.type, read.failure_action, read.cosign_oci11) == (None, None, False)
    assert (Attestor().signature_algorithm, StaticKeyAttestor().signature_algorithm) == ("sha256", "sha256")
    (policy,) = policies("extractors.yaml")
    spec = policy.model.spec
    assert (spec.validation_failure_action, spec.admission, spec.emit_warning) == ("Audit", True, False)
    assert spec.rules[0].skip_background_requests is True
    assert spec.background is False


def test_null_is_the_same_as_absent() -> None:
    read = ImageVerification.model_validate({"required": None, "attestors": None, "repository": None})
    assert read == ImageVerification()
    assert read.model_fields_set == set()


def test_keyless() -> None:
    (attestors,) = entry("keyless.yaml").attestors
    keyless = attestors.entries[0].keyless
    assert keyless is not None
    assert keyless.issuer == "https://token.actions.githubusercontent.com"
    assert keyless.subject_reg_exp.startswith("^https://github\\.com/example/")
    assert keyless.additional_extensions == {"githubWorkflowTrigger": "push"}
    assert keyless.rekor is not None
    assert (keyless.rekor.url, keyless.rekor.ignore_tlog) == ("https://rekor.sigstore.dev", False)
    assert keyless.ctlog is not None
    assert keyless.ctlog.ignore_sct is False
    assert attestors.count is None


def test_keys() -> None:
    read = entry("keys.yaml")
    (attestors,) = read.attestors
    first, second, third = attestors.entries
    assert (attestors.count, read.failure_action, read.use_cache) == (1, "Audit", False)
    assert first.keys is not None
    assert first.keys.public_keys.count("-----END PUBLIC KEY-----") == 2
    assert first.keys.ctlog is not None
    assert first.keys.ctlog.ignore_sct
    assert second.keys is not None
    assert second.keys.secret is not None
    assert (second.keys.secret.namespace, second.keys.secret.name) == ("kyverno", "cosign-key")
    assert (second.annotations, second.repository) == ({"team": "a*"}, "registry.example/signatures")
    assert third.keys is not None
    assert third.keys.kms == "awskms:///alias/cosign"


def test_nested_attestors_are_typed_to_any_depth() -> None:
    (attestors,) = entry("nested.yaml").attestors
    inner = attestors.entries[1].attestor
    assert inner is not None
    innermost = inner.entries[1].attestor
    assert innermost is not None
    assert innermost.entries[0].keys is not None
    assert attestors.entries[0].certificates is not None
    assert attestors.entries[0].certificates.cert_chain == "{{ certs.data.chain }}"


def test_attestations_and_credentials() -> None:
    read = entry("attestations.yaml")
    (attestation,) = read.attestations
    assert (attestation.name, attestation.type.rpartition("/")[2]) == ("scan", "v1")
    assert attestation.conditions[0].all[0].operator == "LessThanOrEquals"
    assert attestation.attestors[0].entries[0].keyless is not None
    assert read.image_registry_credentials is not None
    assert read.image_registry_credentials.providers == ("default", "github")
    assert read.validation is not None
    assert read.validation.deny is not None
    assert read.validation.deny.conditions["any"][0]["operator"] == "AnyNotIn"


def test_match_blocks() -> None:
    (policy,) = policies("attestations.yaml")
    described = policy.model.spec.rules[0].match.all[0].resources
    assert described is not None
    assert described.selector is not None
    assert described.selector.match_labels == {"scan": "required"}
    assert described.selector.match_expressions[0].values == ("front", "back")
    (policy,) = policies("keyless.yaml")
    rule = policy.model.spec.rules[0]
    assert rule.match.any[0].resources is not None
    assert rule.match.any[0].resources.operations == ("CREATE", "UPDATE")
    assert rule.exclude is not None
    assert rule.exclude.any[0].subjects[0].name == "breakglass"
    (policy,) = policies("deprecated.yaml")
    direct = policy.model.spec.rules[0].match
    assert direct.cluster_roles == ("cluster-admin",)
    assert direct.resources is not None
    assert direct.resources.name == "app-?"


def test_deprecated_parts_and_other_verbs() -> None:
    assert (entry("deprecated.yaml").image, entry("deprecated.yaml", 1).cosign_oci11) == (
        "registry.example/app:*",
        True,
    )
    (policy,) = policies("extractors.yaml")
    first, second = policy.model.spec.rules
    assert first.image_extractors["Task"][0].path == "/spec/steps/*"
    assert first.cel_preconditions[0].name == "has-steps"
    assert second.validation is not None
    assert second.validation.message == "no host network"
    assert second.validation.pattern == {"spec": {"=(hostNetwork)": False}}


def test_metadata_keeps_what_the_api_server_adds() -> None:
    data = {
        "name": "p",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "managedFields": [{}],
        "finalizers": ["x"],
    }
    policy = ClusterPolicy.model_validate(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": data,
            "spec": {},
            "status": {"x": [1]},
        }
    )
    metadata = policy.metadata
    assert (metadata.uid, metadata.resource_version, metadata.generation) == ("u", "7", 2)
    assert policy.status == {"x": [1]}


@pytest.mark.parametrize(
    "name", ["a" * 254, "../x", "a\n", "a b", "\u202ea", "a\0", "-a", "a-", "a..b", ".a", "A", "é", "a_b", ""]
)
def test_b30_names_are_kubernetes_names(name: str) -> None:
    with pytest.raises(ValidationError, match="must be a Kubernetes name"):
        ClusterPolicy.model_validate(
            {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": name}, "spec": {}}
        )


@pytest.mark.parametrize("name", ["a", "a-b.c", "0", "a" * 253])
def test_b30_kubernetes_names_are_names(name: str) -> None:
    policy = ClusterPolicy.model_validate(
        {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": name}, "spec": {}}
    )
    assert policy.metadata.name == name


@pytest.mark.parametrize("name", ["a\n", "\u202ea", "a\0", "a\x1b[31m", "a\u200bb", "", "a" * 64])
def test_b30_rule_names_are_printable(name: str) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"name": name, "match": {}})


def test_models_are_frozen_and_can_be_built_by_field_name() -> None:
    built = AttestorSet(
        entries=(Attestor(keyless=KeylessAttestor(issuer="i", subject_reg_exp="s")),), count=1
    )
    assert built == AttestorSet.model_validate(
        {"count": 1, "entries": [{"keyless": {"issuer": "i", "subjectRegExp": "s"}}]}
    )
    with pytest.raises(ValidationError):
        built.count = 2  # type: ignore[misc]


def test_two_hundred_policies_validate_in_a_tenth_of_a_second() -> None:
    (policy,) = policies("nested.yaml")
    data = policy.model.model_dump(by_alias=True, exclude_none=True)

    def work() -> None:
        for _ in range(200):
            ClusterPolicy.model_validate(data, by_alias=True, by_name=False)

    assert seconds(work)[0] < 0.1


# --- against the schema of Kyverno's custom resources --------------------------------------------------

# The facts of the schema of ClusterPolicy v1 in Kyverno 1.19, one line for each value. Two differ on
# purpose: the nested `attestor` and `foreach` are typed, a subject has one of three kinds.

FIELDS = Path(__file__).parents[2] / "data" / "schemas" / "kyverno-policy-fields.txt"


def outline(annotation: Any, path: str, above: tuple[Any, ...] = ()) -> list[str]:
    """Return one line for each value below `path`: its type or choices, `!` if required, its default."""
    found = bare(annotation)
    if isinstance(found, type) and issubclass(found, BaseModel):
        if found in above:
            return [f"{path}: as above"]
        lines = []
        for name, field in fields(found).items():
            default = field.get_default(call_default_factory=True)
            below = outline(field.annotation, f"{path}.{name}{'!' * field.is_required()}", (*above, found))
            lines += [f"{below[0]} = {default}", *below[1:]] if default and not field.is_required() else below
        return lines
    if get_origin(found) is tuple:
        return outline(get_args(found)[0], f"{path}[]", above)
    if get_origin(found) is dict and get_args(found)[1] is not Any:
        return outline(get_args(found)[1], f"{path}{{}}", above)
    if get_origin(found) is Literal:
        return [f"{path}: {' | '.join(sorted(get_args(found)))}"]
    words = {str: "text", int: "integer", bool: "boolean"}
    return [f"{path}: {words.get(found, 'any')}"]


def test_fields_are_those_of_the_schema() -> None:
    assert (
        sorted(outline(fields(ClusterPolicy)["spec"].annotation, "spec"))
        == FIELDS.read_text("utf-8").splitlines()
    )
