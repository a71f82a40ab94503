"""Test suites of the command line: what is evaluated, and what is expected of it.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/apis/v1alpha1` (Test, TestResult, ClusterResource, Context).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pratique.grammar.documents.base import Items
from pratique.grammar.documents.command_line import CommandLineModel, Said, ValuesSpec

Expected: TypeAlias = Literal["pass", "fail", "skip", "warn", "error"]


class ResourceSpec(CommandLineModel):
    """A resource of the test, named in full; kind and subresource are notes for readers."""

    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    subresource: str = ""
    name: str = ""


class Expectation(CommandLineModel):
    """A row of `results`: what a policy says of resources.

    The fields that begin with `is_`, and `kind`, are notes for readers; nothing depends on them.
    """

    policy: str
    rule: str = ""
    result: Expected
    kind: str = ""
    resources: Items[str] | None = None
    resource_specs: Items[ResourceSpec] = ()
    operation: Literal["", "CREATE", "UPDATE", "DELETE"] = ""
    patched_resources: str = ""
    generated_resource: str = ""
    generated_resources: Items[str] = ()
    clone_source_resource: str = ""
    fail_on_missing_resources: bool = False
    is_validating_admission_policy: bool = False
    is_mutating_admission_policy: bool = False
    is_validating_policy: bool = False
    is_mutating_policy: bool = False
    is_generating_policy: bool = False
    is_deleting_policy: bool = False
    is_image_validating_policy: bool = False


class MockResponse(CommandLineModel):
    """What a mocked call answers: a status, and a JSON object."""

    status_code: int = 0
    body: dict[str, Any]


class ApiCallResponse(CommandLineModel):
    """An answer that stands for a call of a service (`url`) or of the Kubernetes API (`url_path`)."""

    url: str = ""
    url_path: str = ""
    method: str = ""
    response: MockResponse


class Projection(CommandLineModel):
    """A named part of a global entry."""

    name: str
    path: str


class GlobalEntry(CommandLineModel):
    """What stands for a GlobalContextEntry; exactly one of `data`, `resources` and `resource_files`."""

    name: str
    data: dict[str, Any] | None = None
    resources: Items[dict[str, Any]] | None = None
    resource_files: Items[str] | None = None
    field_path: str = ""
    projections: Items[Projection] = ()


class Test(CommandLineModel):
    """A suite. Paths are relative to the folder of its file."""

    __test__ = False  # pytest collects no tests from it

    api_version: Said
    kind: Said
    metadata: Any = None
    policies: Items[str] = ()
    resources: Items[str] = ()
    target_resources: Items[str] = ()
    param_resources: Items[str] = ()
    json_payload: str = ""
    json_payloads: Items[str] = ()
    http_payloads: Items[str] = ()
    envoy_payloads: Items[str] = ()
    variables: str = ""
    values: ValuesSpec | None = None
    userinfo: str = ""
    exceptions: Items[str] = ()
    context: str = ""
    cluster_resources: Items[str] = ()
    api_call_responses: Items[ApiCallResponse] = ()
    global_context_entries: Items[GlobalEntry] = ()
    results: Items[Expectation] = ()

    @property
    def name(self) -> str:
        """Return the name of the suite, for people."""
        name = self.metadata.get("name") if isinstance(self.metadata, dict) else None
        return name if isinstance(name, str) else ""


class ClusterResourceSpec(CommandLineModel):
    """Objects that stand for those of a cluster, and definitions of their kinds."""

    crds: Items[str] = ()
    resources: Items[dict[str, Any]] = ()


class ClusterResource(CommandLineModel):
    """A file of objects that stand for those of a cluster."""

    api_version: Said
    kind: Said
    metadata: Any = None
    spec: ClusterResourceSpec


class ImageFacts(CommandLineModel):
    """What a registry would tell of an image."""

    image: str
    resolved_image: str = ""
    registry: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""
    image_index: Any = None
    manifest: Any = None
    config: Any = None


class ContextSpec(CommandLineModel):
    """Objects and images that expressions of policies in CEL may ask for."""

    resources: Items[dict[str, Any]] = ()
    images: Items[ImageFacts] = ()


class ContextFile(CommandLineModel):
    """A file that stands for a cluster and for registries, where policies in CEL ask for them."""

    api_version: Said
    kind: Said
    metadata: Any = None
    spec: ContextSpec = ContextSpec()
