"""Which redirects of a registry are followed.

A registry may send its clients to where the bytes are (blob stores, `registry.k8s.io` and its regional
registries), and nowhere else: at most three times, never down from HTTPS, never to an inside address unless
it is inside itself or listed as insecure, and never with its credentials (threats H1, O2, F10).

DEVIATION: Kyverno follows up to ten redirects, of any kind (tests/runtime/registry/test_redirects.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from yarl import URL

from pratique.runtime.registry.content import is_host
from pratique.runtime.registry.exchange import Answer
from pratique.runtime.registry.faults import FaultCode, Operation

MAX_REDIRECTS = 3

STATUSES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectRule:
    """What redirects of one request may do.

    Attributes:
        only_public: follow to public HTTPS hosts only. So it is for everything but blobs: a manifest may come
            from elsewhere (`registry.k8s.io` redirects all of them), but not from inside.
    """

    only_public: bool


BLOBS = RedirectRule(only_public=False)
MANIFESTS = RedirectRule(only_public=True)


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a redirect leads: `public_only` as in `Exchange.send`."""

    url: URL
    public_only: bool


def follow(answer: Answer, rule: RedirectRule, *, may_lead_inside: bool, operation: Operation) -> Hop:
    """Return where a redirecting answer leads.

    Args:
        answer: status in `STATUSES`.
        rule: of the request.
        may_lead_inside: the registry is listed as insecure.
        operation: for messages.

    Raises:
        TransportError: `redirect-refused`.
    """
    location = answer.headers.get("Location", "")
    try:
        target = answer.url.join(URL(location, encoded=True)).with_fragment(None)
        good = (
            bool(location)
            and location.isascii()
            and location.isprintable()
            and not set(location) & {" ", "\\"}
            and target.scheme in ("http", "https")
            and is_host(target.raw_authority)
        )
    except ValueError:
        good = False
    if not good:
        raise operation.fault(FaultCode.REDIRECT_REFUSED, "redirected to what is not an HTTP URL")
    if target.scheme == "http" and (answer.url.scheme == "https" or rule.only_public):
        raise operation.fault(FaultCode.REDIRECT_REFUSED, "redirected to plain HTTP")
    return Hop(target, public_only=rule.only_public or not (answer.is_inside or may_lead_inside))
