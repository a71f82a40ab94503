"""Reports of `pratique explain`, for the tests of what is said and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pratique.runtime.explaining import ExplainOptions, ExplainReport, explained
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions
from tests.support_policies import KEYLESS, cluster_policy

STORY = Path(__file__).parent.parent / "policies" / "control-plane"
TYPE = "https://slsa.dev/provenance/v1"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`]]>\\ ${x} #quot; \u202e"

EVERYTHING: dict[str, Any] = {
    "imageReferences": ["ghcr.io/acme/*", "quay.io/acme/*"],
    "skipImageReferences": ["*/acme/skip:*"],
    "mutateDigest": True,
    "imageRegistryCredentials": {"secrets": ["pull"], "providers": ["github"]},
    "attestors": [
        {
            "count": 1,
            "entries": [
                {"keyless": KEYLESS, "annotations": {"stage": "prod"}},
                {"keys": {"publicKeys": "k8s://acme/key"}, "repository": "ghcr.io/acme/signatures"},
            ],
        }
    ],
    "attestations": [
        {
            "type": TYPE,
            "name": "provenance",
            "attestors": [{"entries": [{"keyless": KEYLESS}]}],
            "conditions": [{"all": [{"key": "{{ builder.id }}", "operator": "Equals", "value": "gh"}]}],
        }
    ],
    "validate": {
        "message": "no",
        "deny": {"conditions": {"any": [{"key": "{{ provenance.x }}", "operator": "Equals", "value": 1}]}},
    },
}
"""An entry with every kind of question."""

RULE: dict[str, Any] = {
    "name": "verify",
    "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
    "exclude": {"any": [{"resources": {"namespaces": ["kube-system"]}}]},
    "context": [{"name": "allowed", "configMap": {"name": "allowed", "namespace": "acme"}}],
    "preconditions": {"all": [{"key": "{{ allowed.data.on }}", "operator": "Equals", "value": "yes"}]},
}


def everything(**metadata: Any) -> str:
    """Return a policy whose plan has every kind of question."""
    spec = {
        "validationFailureAction": "Enforce",
        "failurePolicy": "Ignore",
        "rules": [RULE | {"verifyImages": [EVERYTHING]}],
    }
    return cluster_policy(spec=spec, metadata=metadata)


def options(folder: Path, *texts: str, **more: Any) -> ExplainOptions:
    """Return options over policies of these texts."""
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"policy-{number}.yaml"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    resources = more.pop("resources", ())
    apply = ApplyOptions(policies=tuple(paths), resources=tuple(resources), store=StoreOptions(offline=True))
    return ExplainOptions(apply=apply, **more)


def report(folder: Path, *texts: str, **more: Any) -> ExplainReport:
    """Return what is explained of policies of these texts."""
    return explained(options(folder, *texts, **more))


def story(name: str = "improved.yaml", *, resources: bool = False, **more: Any) -> ExplainReport:
    """Return what is explained of a policy of the story; run from the root of the project."""
    given = (f"policies/control-plane/{file}" for file in (name, "resources.yaml"))
    policy, resource = given
    apply = ApplyOptions(
        policies=(policy,),
        resources=(resource,) if resources else (),
        store=StoreOptions(offline=True),
    )
    return explained(ExplainOptions(apply=apply, **more))
