"""What `pratique verify` found: who signed an image, when, and whether that is who was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pratique.runtime.decision import Reason, RootLine, Status
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.roots import root_json, root_lines
from pratique.runtime.outputs.text import Palette, visible, visible_lines
from pratique.runtime.outputs.tree import draw, reason_tree

KIND: Final = "VerifyReport"


class SignatureFacts(Protocol):
    """One signature of the image, in stored order.

    Attributes:
        met: it holds and its signer is who was asked for.
        signer: subject of the certificate, or `sha256:` and hex of the key; empty where nothing is proved.
        issuer: who vouched for the subject; empty for keys.
        signed_at: seconds since the epoch; None where no log and no timestamp authority spoke.
        log_index: index in the transparency log; None without log.
        text: why it does not count; empty where it does.
        root: name of the trust root that proves it where there was a choice; else empty.
    """

    @property
    def met(self) -> bool: ...  # noqa: D102
    @property
    def signer(self) -> str: ...  # noqa: D102
    @property
    def issuer(self) -> str: ...  # noqa: D102
    @property
    def signed_at(self) -> int | None: ...  # noqa: D102
    @property
    def log_index(self) -> int | None: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def root(self) -> str: ...  # noqa: D102


class VerificationFacts(Protocol):
    """The outcome for one image; `digest` is empty where none was learned."""

    @property
    def image(self) -> str: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def met(self) -> bool: ...  # noqa: D102
    @property
    def signatures(self) -> Sequence[SignatureFacts]: ...  # noqa: D102
    @property
    def reason(self) -> Reason: ...  # noqa: D102
    @property
    def roots(self) -> Sequence[RootLine]: ...  # noqa: D102


def render_text(facts: VerificationFacts, *, color: bool = False, detailed: bool = False) -> str:
    """Return the outcome for people: a verdict, then a line per signature."""
    palette = Palette(color)
    status = Status.PASS if facts.met else Status.FAIL
    verdict = palette.status(status, "verified" if facts.met else "not verified")
    lines = [f"{palette.met(facts.met)} {palette.bold(visible(facts.image))}: {verdict}"]
    if facts.digest:
        lines.append(f"  digest {visible(facts.digest)}")
    for signature in facts.signatures:
        lines += [f"  {line}" for line in _signature(signature, palette)]
    if detailed:
        lines += ["", *draw(reason_tree(facts.reason, palette))]
        lines += root_lines(facts.roots)
    elif not facts.met:
        lines += [f"  {line}" for line in visible_lines(facts.reason.text)]
    return "\n".join(lines) + "\n"


def render_json(facts: VerificationFacts) -> str:
    """Return the outcome as JSON; absent facts are null."""
    return json_text(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "image": facts.image,
            "digest": facts.digest or None,
            "verified": facts.met,
            "signatures": [_signature_json(signature) for signature in facts.signatures],
            "reason": facts.reason.to_json(),
            "trustedRoots": [root_json(root) for root in facts.roots],
        }
    )


def _signature(signature: SignatureFacts, palette: Palette) -> list[str]:
    who = f"signed by {visible(signature.signer)}" if signature.signer else "a signature that does not hold"
    parts = [f"{palette.met(signature.met)} {who}"]
    if signature.issuer:
        parts.append(f"vouched for by {visible(signature.issuer)}")
    if signature.signed_at is not None:
        parts.append(f"on {_time(signature.signed_at)}")
    if signature.log_index is not None:
        parts.append(f"log entry {signature.log_index}")
    if signature.root:
        parts.append(f"by the root {visible(signature.root)}")
    why = [f"  {line}" for line in visible_lines(signature.text)] if signature.text else []
    return [", ".join(parts), *why]


def _signature_json(signature: SignatureFacts) -> dict[str, Any]:
    return {
        "verified": signature.met,
        "signer": signature.signer or None,
        "issuer": signature.issuer or None,
        "signedAt": None if signature.signed_at is None else _time(signature.signed_at),
        "logIndex": signature.log_index,
        "text": signature.text,
        "root": signature.root or None,
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
