"""`verifyImageSignatures(image, attestors)` and its like: functions of policies about images.

References: Kyverno 1.19 `pkg/cel/libs/imageverify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.contexts import ASKING_COST

if TYPE_CHECKING:
    from pratique.compiler.cel.program import ImageFunctions, Run


def _functions(run: Run) -> ImageFunctions:
    functions = run.world.images
    if functions is None:
        raise CelError("no images are verified here")
    return functions


def _signatures(run: Run, image: str, attestors: Sequence[Any]) -> int:
    return _functions(run).signatures(run, image, attestors)


def _statements(run: Run, image: str, name: str, attestors: Sequence[Any]) -> int:
    return _functions(run).statements(run, image, name, attestors)


def _payload(run: Run, image: str, name: str) -> Any:
    return _functions(run).payload(run, image, name)


def _data(run: Run, image: str) -> Any:
    return _functions(run).data(run, image)


def _cost(_: str, *rest: Any) -> int:
    asked = len(rest[-1]) if rest and isinstance(rest[-1], list | tuple) else 1
    return ASKING_COST * max(1, asked)


LIBRARY: Final = Library(
    overloads=tuple(
        overload(signature, implementation, takes_run=True, cost=_cost)
        for signature, implementation in (
            ("verifyImageSignatures(string, list(dyn)) -> int", _signatures),
            ("verifyAttestationSignatures(string, string, list(dyn)) -> int", _statements),
            ("extractPayload(string, string) -> dyn", _payload),
            ("getImageData(string) -> dyn", _data),
        )
    )
)
