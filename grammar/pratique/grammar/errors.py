"""The whole error tree of pratique, for every layer.

PratiqueError
├── UsageError             the command line or a configuration file is wrong         exit code 2
├── PolicyError            one mistake of a policy's author: code, place, help       exit code 2
├── PolicyErrors           all the mistakes of one run, never only the first         exit code 2
├── EvaluationError        this input cannot be judged (bad resource, missing variable)   `error`
├── VerificationError      a signature does not hold: an expected outcome                 result `fail`
└── TransportError         registry, trust root or cluster: fail closed    result `error`, exit code 3
    └── NotFoundError      the other side answered that the thing is not there

Foreign exceptions are caught at their border and chained (`raise ... from`); none leaves a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from pratique.grammar.source import Location


class ExitCode(IntEnum):
    """What every `pratique` command tells its caller."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    TRANSPORT = 3


class PratiqueError(Exception):
    """Base of all errors that pratique raises on purpose; `exit_code` is what the CLI returns for it."""

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(PratiqueError):
    """The command line or a configuration file is wrong."""


class PolicyError(PratiqueError):
    """One mistake in a policy or another input file.

    Attributes:
        code: stable identifier in kebab case, for example `duplicate-key`.
        message: one sentence, without position.
        location: where, or None when the input has no text (for example a missing file).
        help: what to write instead, or empty.
        related: other places that matter, each with its label.
    """

    def __init__(
        self,
        code: str,
        message: str,
        location: Location | None = None,
        *,
        help: str = "",
        related: Sequence[tuple[str, Location]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.location = location
        self.help = help
        self.related = tuple(related)

    def __str__(self) -> str:
        """Return `place: code: message`, without the excerpt."""
        where = f"{self.location}: " if self.location else ""
        return f"{where}error[{self.code}]: {self.message}"

    def render(self) -> str:
        """Return the message with its excerpt, related places and help, as a terminal shows it."""
        parts = [str(self)]
        if self.location:
            parts.append(self.location.source.excerpt(self.location.span))
        for label, place in self.related:
            parts += [f"{place}: {label}", place.source.excerpt(place.span)]
        if self.help:
            parts.append(f"  help: {self.help}")
        return "\n".join(parts)


class PolicyErrors(PratiqueError):
    """All the mistakes found in one run, in the order of files and positions."""

    def __init__(self, errors: Iterable[PolicyError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(e) for e in self.errors))

    def render(self) -> str:
        """Return every mistake with its excerpt, separated by empty lines."""
        return "\n\n".join(e.render() for e in self.errors)


class EvaluationError(PratiqueError):
    """This input cannot be judged: result `error`, which denies under `failurePolicy: Fail`."""

    exit_code = ExitCode.FINDINGS

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class VerificationError(PratiqueError):
    """A signature does not hold. Expected: it is turned into a result and never ends a run.

    Attributes:
        code: which check failed, for example `log-entry-mismatch` (see `docs/reasons.md`).
        message: the text that a report shows; Kyverno's or cosign's own wording where one exists.
    """

    exit_code = ExitCode.FINDINGS

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TransportError(PratiqueError):
    """A registry, trust root or cluster could not be asked, or its answer cannot be used.

    Attributes:
        code: class of the fault as in `docs/reasons.md`: `registry-unreachable`, `digest-mismatch` ...
        message: names host, operation and class; never credentials and never a remote body.
        detail: Kyverno's wording of the same fault where it is known, as safe as `message`; else empty.
    """

    exit_code = ExitCode.TRANSPORT

    def __init__(self, code: str, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail


class NotFoundError(TransportError):
    """The other side answered that the thing is not there (HTTP 404, a missing tag)."""
