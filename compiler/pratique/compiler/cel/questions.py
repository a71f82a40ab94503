"""What CEL functions ask the world: plain data, which whoever evaluates answers (see `libraries.outside`).

Every text that becomes part of a request has been checked before a question is made (R10, R11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pratique.compiler.ir import Attestor, LabelSelector, RegistryCredentials


@dataclass(frozen=True, slots=True)
class ResourceQuestion:
    """Which object has this name? The object, or None where there is none.

    Attributes:
        resource: plural name, perhaps with a subresource: `pods/status`.
        namespace: empty for cluster-wide resources.
    """

    api_version: str
    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ResourceListQuestion:
    """Which objects are there? A list object with `items`.

    Attributes:
        labels: pairs that the labels of an object must hold.
    """

    api_version: str
    resource: str
    namespace: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ResourcePostQuestion:
    """What does the API server answer to a POST of an object, such as an access review?

    Attributes:
        data: JSON text of the object.
    """

    api_version: str
    resource: str
    namespace: str
    data: str


@dataclass(frozen=True, slots=True)
class ResourceNameQuestion:
    """What is the plural name of this kind? A text."""

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class HttpQuestion:
    """What does a service answer? JSON data.

    Attributes:
        data: JSON text that a POST sends; empty for a GET.
        authorities: certificates in PEM that the service's own is checked against, instead of the usual ones.
        namespace: that of the policy that asks; empty for cluster-wide ones.
    """

    method: str
    url: str
    data: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    authorities: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuestion:
    """May this user do that? A map with `allowed` and `reason`."""

    user: str = ""
    groups: tuple[str, ...] = ()
    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


@dataclass(frozen=True, slots=True)
class ParameterQuestion:
    """Which objects are the parameters of a binding? A list of objects, empty where there are none.

    Attributes:
        namespace: where they are; empty for kinds that are in none.
        name: of the one object; empty where `selector` chooses.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDataQuestion:
    """What is known of this image? A map: names, manifests and configuration.

    Attributes:
        of_registry: registries are asked, whatever else stands for them.
    """

    reference: str
    credentials: RegistryCredentials | None = None
    of_registry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedQuestion:
    """Has someone signed this image, or a statement about it? The statements, or None for no.

    Attributes:
        layers: attestors, any one of whom does.
        bundles: those that take their place where the image has Sigstore bundles; none where no bundle counts
            or the format of `layers` knows none.
        type: of the statement; empty for the image itself, whose signatures state nothing.
    """

    reference: str
    layers: tuple[Attestor, ...]
    bundles: tuple[Attestor, ...] = ()
    type: str = ""
    credentials: RegistryCredentials | None = None


EvidenceQuestion: TypeAlias = ImageDataQuestion | SignedQuestion
"""Questions about images."""

CelQuestion: TypeAlias = (
    ParameterQuestion
    | ResourceQuestion
    | ResourceListQuestion
    | ResourcePostQuestion
    | ResourceNameQuestion
    | HttpQuestion
    | AccessQuestion
)
"""Questions about a cluster and services."""
