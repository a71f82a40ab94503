"""The keys of logs and when they counted: transparency logs and certificate-transparency logs alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from pratique.runtime.signatures.keys import VerifyingKey
from pratique.runtime.signatures.validity import ALWAYS, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A key of one log.

    Attributes:
        id: what entries name the log by, lower-case hex; for all but Rekor v2 the SHA-256 of the key.
        window: when the log used the key.
        url: where the log lives; empty for keys that a policy names.
    """

    id: str
    key: VerifyingKey
    window: Window = ALWAYS
    url: str = ""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of all trusted logs of one kind."""

    keys: tuple[LogKey, ...]
    _by_id: dict[str, tuple[LogKey, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_id: dict[str, tuple[LogKey, ...]] = {}
        for key in self.keys:
            by_id[key.id] = (*by_id.get(key.id, ()), key)
        object.__setattr__(self, "_by_id", by_id)

    def named(self, log_id: str) -> tuple[LogKey, ...]:
        """Return the keys that go by `log_id`: none for a stranger, several if a key was in use twice."""
        return self._by_id.get(log_id, ())
