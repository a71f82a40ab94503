"""What context entries ask the world: plain data, which whoever evaluates answers.

References: Kyverno 1.19 `pkg/engine/context/loaders`, `pkg/engine/apicall`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler.cel.questions import CelQuestion, EvidenceQuestion
from pratique.compiler.expressions.context import Absent
from pratique.compiler.ir import RegistryCredentials


@dataclass(frozen=True, slots=True)
class ConfigMapQuestion:
    """What does this ConfigMap hold? The answer has `data` and `metadata`."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiQuestion:
    """What does the Kubernetes API (`url_path`) or a service (`service_url`) answer? JSON data.

    Attributes:
        entry: name of the entry that asks, for messages.
        data: JSON text of the object that a POST sends; empty for a GET.
    """

    entry: str
    url_path: str = ""
    service_url: str = ""
    method: str = "GET"
    data: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    authorities: str = ""


@dataclass(frozen=True, slots=True)
class GlobalQuestion:
    """What does the cluster keep under this name? JSON data."""

    name: str
    projection: str = ""


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """What does a registry know of this image? See `runtime.image_data`."""

    reference: str
    credentials: RegistryCredentials | None = None


Question: TypeAlias = (
    ConfigMapQuestion | ApiQuestion | GlobalQuestion | ImageQuestion | CelQuestion | EvidenceQuestion
)

NOT_FOUND: Final = "not-found"
"""Code of the answer that there is nothing of this name."""
MOCKED_FAILURE: Final = "mocked-failure"
"""Code of an answer for which no default of an entry stands in."""

ABSENT: Final = Absent.ENTRY
"""Answer to the question of an entry that is not there: its name stays unknown."""

Ask: TypeAlias = Callable[[Question], Any]
"""Returns the answer to a question; raises `EvaluationError` where there is none."""
