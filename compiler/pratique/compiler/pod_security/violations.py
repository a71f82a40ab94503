"""What breaks a control of the Pod Security Standards, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | bool | int | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """A field with a value that a control forbids, or without one that it requires.

    Attributes:
        field: such as `spec.containers[0].securityContext.privileged`.
        container: name of the container it is about; empty for fields of the Pod.
        value: what is there; None for required values, and where the field alone is forbidden.
        required: the field must be set.
    """

    field: str
    container: str = ""
    value: Value | None = None
    required: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """Return what is there as the texts that exclusions are compared with."""
        match self.value:
            case None | "":
                return ()
            case bool():
                return ("true" if self.value else "false",)
            case tuple():
                return self.value
            case _:
                return (str(self.value),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken control.

    Attributes:
        check: id of the check, such as `capabilities_baseline`.
        reason: a few words.
        errors: in the order in which they were found; empty for checks that name no fields.
    """

    check: str
    reason: str
    errors: tuple[FieldError, ...] = ()
