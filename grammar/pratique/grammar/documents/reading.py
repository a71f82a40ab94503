"""A source to policies: documents are found, told apart by kind, validated and kept with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from pratique.grammar.documents.cleanup import CleanupModel, CleanupPolicy, ClusterCleanupPolicy
from pratique.grammar.documents.exceptions import PolicyException
from pratique.grammar.documents.kyverno import ClusterPolicy, Policy, PolicyModel
from pratique.grammar.documents.problems import problems
from pratique.grammar.documents.v2beta1 import removed_forms
from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import POLICY_LIMITS, Limits
from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode, plain
from pratique.grammar.source import Location, Source
from pratique.grammar.yaml_tree import read_documents

if TYPE_CHECKING:
    from pratique.grammar.documents.admission_policies import AdmissionBinding, AdmissionPolicyModel
    from pratique.grammar.documents.cel_exceptions import CelPolicyException
    from pratique.grammar.documents.cel_policies import CelPolicyModel
    from pratique.grammar.documents.sigstore import ClusterImagePolicy, TrustRoot

MAX_LIST_DEPTH = 4

_CLASSIC: Final[dict[tuple[str, str], type[BaseModel]]] = {
    (f"kyverno.io/{version}", model.__name__): model
    for version, models in (
        ("v1", (ClusterPolicy, Policy)),
        ("v2", (PolicyException, CleanupPolicy, ClusterCleanupPolicy)),
        ("v2beta1", (ClusterPolicy, Policy, PolicyException, CleanupPolicy, ClusterCleanupPolicy)),
    )
    for model in models
}

_VERSIONS: Final = ("v1", "v1beta1", "v1alpha1")
_CEL_KINDS: Final = (
    "ValidatingPolicy",
    "ImageValidatingPolicy",
    "MutatingPolicy",
    "GeneratingPolicy",
    "DeletingPolicy",
)
_LATER: Final[dict[tuple[str, str], tuple[str, str]]] = {
    **{
        (f"policy.sigstore.dev/{version}", "ClusterImagePolicy"): ("sigstore", "ClusterImagePolicy")
        for version in ("v1beta1", "v1alpha1")
    },
    ("policy.sigstore.dev/v1alpha1", "TrustRoot"): ("sigstore", "TrustRoot"),
    **{
        (f"policies.kyverno.io/{version}", f"{prefix}{kind}"): ("cel_policies", kind)
        for kind in _CEL_KINDS
        for version in _VERSIONS
        for prefix in ("", "Namespaced")
        if not (prefix and version == "v1alpha1")
    },
    **{
        (f"policies.kyverno.io/{version}", "PolicyException"): ("cel_exceptions", "CelPolicyException")
        for version in _VERSIONS
    },
    **{
        (f"admissionregistration.k8s.io/{version}", f"{kind}{suffix}"): (
            "admission_policies",
            "AdmissionBinding" if suffix else kind,
        )
        for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
        for version in _VERSIONS
        for suffix in ("", "Binding")
    },
}
"""Modules and names of the models of newer policies, which are loaded when they are needed."""

_LISTS: Final = {("v1", "List"): ""} | {(api, f"{kind}List"): kind for api, kind in (*_CLASSIC, *_LATER)}

_POLICY_GROUPS = frozenset({"kyverno.io", "policies.kyverno.io", "policy.sigstore.dev"})
_NO_POLICIES = frozenset({"GlobalContextEntry", "UpdateRequest", "TrustRoot"})

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedDocument:
    """An object that fits its schema, and where it stands.

    Attributes:
        document: the document that holds it.
        api_version: such as `kyverno.io/v1`.
        path_prefix: where in the document it stands: empty, or `("items", 2)` in a list.
    """

    document: Document
    api_version: str
    path_prefix: Path = ()

    def location(self, *path: str | int, key: bool = False) -> Location:
        """Return the place of a value of the object by its path in the names of the YAML, or of its key.

        Where a part is missing (for example a default), the place is that of the deepest existing part.
        """
        return self.document.location((*self.path_prefix, *path), key=key)

    def node(self, *path: str | int) -> Node | None:
        """Return the node of a value of the object, or None where a part of its path is missing."""
        return self.document.node((*self.path_prefix, *path))

    def character(self, *path: str | int, offset: int) -> Location:
        """Return the place of a character, counted from 0, inside of a text of the object."""
        node = self.node(*path)
        if isinstance(node, ScalarNode):
            from pratique.grammar.scalar_places import place_in_scalar

            return Location(self.document.source, place_in_scalar(self.document.source, node, offset))
        return self.location(*path)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument(TypedDocument):
    """A valid policy and where it stands."""

    model: PolicyModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionDocument(TypedDocument):
    """A valid policy exception and where it stands."""

    model: PolicyException


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupDocument(TypedDocument):
    """A well-formed cleanup policy and where it stands."""

    model: CleanupModel


@dataclass(frozen=True, slots=True, kw_only=True)
class CelDocument(TypedDocument):
    """A well-formed policy in CEL, of Kyverno or of Kubernetes, and where it stands."""

    model: CelPolicyModel | AdmissionPolicyModel


@dataclass(frozen=True, slots=True, kw_only=True)
class SigstoreDocument(TypedDocument):
    """A well-formed policy of Sigstore's policy-controller, and where it stands."""

    model: ClusterImagePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRootDocument(TypedDocument):
    """A well-formed trust root that policies of policy-controller may refer to, and where it stands."""

    model: TrustRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingDocument(TypedDocument):
    """A well-formed binding of an admission policy of Kubernetes, and where it stands."""

    model: AdmissionBinding


@dataclass(frozen=True, slots=True, kw_only=True)
class CelExceptionDocument(TypedDocument):
    """A well-formed exception from policies in CEL, and where it stands."""

    model: CelPolicyException


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDocument:
    """A document that is not one of the policies read here.

    Attributes:
        api_version: empty if there is none.
        kind: empty if there is none.
        is_policy: it demands or exempts something, in a language that is not read (yet).
        location: its first line.
    """

    document: Document
    api_version: str
    kind: str
    is_policy: bool
    location: Location
    path_prefix: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """What a source holds; `errors` are the mistakes of documents that are in none of the lists."""

    policies: tuple[PolicyDocument, ...] = ()
    exceptions: tuple[ExceptionDocument, ...] = ()
    cleanups: tuple[CleanupDocument, ...] = ()
    cel_policies: tuple[CelDocument, ...] = ()
    cel_exceptions: tuple[CelExceptionDocument, ...] = ()
    sigstore_policies: tuple[SigstoreDocument, ...] = ()
    trust_roots: tuple[TrustRootDocument, ...] = ()
    bindings: tuple[BindingDocument, ...] = ()
    others: tuple[OtherDocument, ...] = ()
    errors: tuple[PolicyError, ...] = ()

    @property
    def of_sigstore(self) -> tuple[SigstoreDocument | TrustRootDocument, ...]:
        """Return all that belongs to policies of policy-controller."""
        return (*self.sigstore_policies, *self.trust_roots)

    @property
    def in_cel(self) -> tuple[CelDocument | BindingDocument | CelExceptionDocument, ...]:
        """Return all that belongs to policies in CEL."""
        return (*self.cel_policies, *self.bindings, *self.cel_exceptions)


_Typed: TypeAlias = (
    PolicyDocument
    | ExceptionDocument
    | CleanupDocument
    | CelDocument
    | CelExceptionDocument
    | BindingDocument
    | SigstoreDocument
    | TrustRootDocument
)
_Found: TypeAlias = _Typed | OtherDocument | PolicyError


def read_policies(source: Source, limits: Limits = POLICY_LIMITS) -> PolicyFile:
    """Return what a YAML or JSON text holds, lists taken apart; a bad document costs only itself."""
    documents = read_documents(source, limits)
    found = [
        each for document in documents.documents for each in _objects(document, (), document.root, 0, "")
    ]
    errors = [*documents.errors, *_of(found, PolicyError)]
    errors.sort(key=lambda error: error.location.span if error.location else ())
    return PolicyFile(
        policies=_of(found, PolicyDocument),
        exceptions=_of(found, ExceptionDocument),
        cleanups=_of(found, CleanupDocument),
        cel_policies=_of(found, CelDocument),
        cel_exceptions=_of(found, CelExceptionDocument),
        sigstore_policies=_of(found, SigstoreDocument),
        trust_roots=_of(found, TrustRootDocument),
        bindings=_of(found, BindingDocument),
        others=_of(found, OtherDocument),
        errors=tuple(errors),
    )


_T = TypeVar("_T")


def _of(found: Iterable[object], kind: type[_T]) -> tuple[_T, ...]:
    return tuple(each for each in found if isinstance(each, kind))


def _objects(document: Document, prefix: Path, node: Node, depth: int, list_of: str) -> Iterator[_Found]:
    """Yield what stands at `prefix`; `list_of` is the type that items of a typed list may leave out."""
    api_version, kind = _text(node, "apiVersion"), _text(node, "kind")
    if list_of and isinstance(node, MappingNode) and not api_version and not kind:
        api_version, kind = list_of.split(" ")
    item_kind = _LISTS.get((api_version, kind))
    if item_kind is not None:
        yield from _items(document, prefix, node, depth, f"{api_version} {item_kind}" if item_kind else "")
    elif model := _model(api_version, kind):
        data = {"apiVersion": api_version, "kind": kind, **plain(node)}
        yield from _typed(document, prefix, model, api_version, data)
    else:
        group = api_version.rpartition("/")[0]
        is_policy = group in _POLICY_GROUPS and kind not in _NO_POLICIES
        yield OtherDocument(
            document=document,
            api_version=api_version,
            kind=kind,
            is_policy=is_policy,
            location=document.location(prefix),
            path_prefix=prefix,
        )


def _items(document: Document, prefix: Path, node: Node, depth: int, list_of: str) -> Iterator[_Found]:
    items = node.get("items") if isinstance(node, MappingNode) else None
    if depth == MAX_LIST_DEPTH:
        text = f"lists are nested deeper than {MAX_LIST_DEPTH}"
        yield PolicyError("too-deep", text, document.location(prefix))
    elif isinstance(items, SequenceNode):
        for index, item in enumerate(items.items):
            yield from _objects(document, (*prefix, "items", index), item, depth + 1, list_of)
    elif items is not None and not (isinstance(items, ScalarNode) and items.value is None):
        yield PolicyError("wrong-type", "`items` must be a list", document.location((*prefix, "items")))


@lru_cache(maxsize=64)
def _model(api_version: str, kind: str) -> type[BaseModel] | None:
    """Return the model of a kind; None for one that is not read."""
    place = _LATER.get((api_version, kind))
    if place is None:
        return _CLASSIC.get((api_version, kind))
    module, name = place
    model: type[BaseModel] = getattr(import_module(f"{__package__}.{module}"), name)
    return model


def _typed(
    document: Document, prefix: Path, model: type[BaseModel], api_version: str, data: Any
) -> Iterator[_Found]:
    try:
        content: Any = model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        yield from problems(error, model, document, prefix)
        return
    removed = removed_forms(document, prefix) if api_version == "kyverno.io/v2beta1" else []
    if removed and not isinstance(content, PolicyException):
        yield from removed
        return
    made: type[_Typed]
    match _LATER.get((api_version, content.kind)):
        case (_, "AdmissionBinding"):
            made = BindingDocument
        case (_, "CelPolicyException"):
            made = CelExceptionDocument
        case (_, "ClusterImagePolicy"):
            made = SigstoreDocument
        case (_, "TrustRoot"):
            made = TrustRootDocument
        case None:
            made = _classic(content)
        case _:
            made = CelDocument
    yield made(document=document, api_version=api_version, model=content, path_prefix=prefix)


def _classic(content: BaseModel) -> type[_Typed]:
    match content:
        case PolicyException():
            return ExceptionDocument
        case CleanupPolicy() | ClusterCleanupPolicy():
            return CleanupDocument
        case _:
            return PolicyDocument


def _text(node: Node, key: str) -> str:
    value = node.get(key) if isinstance(node, MappingNode) else None
    return value.value if isinstance(value, ScalarNode) and isinstance(value.value, str) else ""
