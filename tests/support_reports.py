"""Reports made by hand: the values that output tests render."""

from __future__ import annotations

from datetime import UTC, datetime

from pratique.compiler.ir import Action
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.decision import (
    Check,
    Reason,
    Report,
    Requests,
    ResourceId,
    RootLine,
    RuleResult,
    Stage,
    Status,
)

POLICY_FILE = Source("policies/check images.yaml", "")
RESOURCE_FILE = Source("manifests/control-plane.yaml", "")
DIGEST = "sha256:" + "ab" * 32
IMAGE = "registry.k8s.io/etcd:3.5.7-0"
SIGNER = "krel-trust@k8s-releng-prod.iam.gserviceaccount.com"
WRONG = "someone@example.com"


def place(source: Source, line: int, column: int, width: int = 1) -> Location:
    return Location(source, Span.at(line, column, width))


def resource(name: str, *, kind: str = "Pod", namespace: str = "kube-system", uid: str = "") -> ResourceId:
    return ResourceId(
        api_version="v1",
        kind=kind,
        namespace=namespace,
        name=name,
        uid=uid,
        location=place(RESOURCE_FILE, 1 + len(name), 1),
    )


def signed(image: str = IMAGE) -> Check:
    reason = Reason(
        code="threshold",
        text="1 of 1 required attestors met",
        met=True,
        location=place(POLICY_FILE, 20, 9),
        children=(
            Reason(
                code="signed",
                text=f"signed by {SIGNER}",
                met=True,
                details=(
                    ("digest", DIGEST),
                    ("signer", SIGNER),
                    ("issuer", "https://accounts.google.com"),
                    ("signed at", "2023-03-30T14:12:11+00:00"),
                    ("log index", "16718461"),
                ),
            ),
        ),
    )
    return Check(
        stage=Stage.VERIFY,
        status=Status.PASS,
        message=f"verified image signatures for {image}",
        image=image,
        container="main",
        pointer="/spec/containers/0/image",
        digest=DIGEST,
        reason=reason,
    )


def wrongly_signed(image: str = IMAGE) -> Check:
    mismatch = f"subject mismatch: expected {SIGNER}, received {WRONG}"
    reason = Reason(
        code="threshold",
        text="0 of 1 required attestors met",
        met=False,
        location=place(POLICY_FILE, 20, 9),
        children=(
            Reason(
                code="identity-mismatch",
                text=mismatch,
                met=False,
                details=(("expected", SIGNER), ("received", WRONG)),
                location=place(POLICY_FILE, 22, 13, 8),
            ),
        ),
    )
    return Check(
        stage=Stage.VERIFY,
        status=Status.FAIL,
        message=f"failed to verify image {image}: .attestors[0].entries[0].keyless: {mismatch}",
        image=image,
        container="main",
        pointer="/spec/containers/0/image",
        reason=reason,
    )


def unproved(image: str = IMAGE) -> Check:
    return Check(
        stage=Stage.VALIDATE,
        status=Status.FAIL,
        message=f"unverified image {image}",
        image=image,
        container="main",
        pointer="/spec/containers/0/image",
    )


def proved() -> Check:
    return Check(stage=Stage.VALIDATE, status=Status.PASS, message="image verified")


def unreachable(image: str = IMAGE) -> Check:
    text = "registry.k8s.io: manifest etcd:3.5.7-0: connection refused"
    return Check(
        stage=Stage.VERIFY,
        status=Status.ERROR,
        message=f"failed to verify image {image}: .attestors[0].entries[0].keyless: {text}",
        image=image,
        container="main",
        pointer="/spec/containers/0/image",
        transport=True,
        reason=Reason(code="registry-unreachable", text=text, met=False),
    )


def skipped(image: str = IMAGE) -> Check:
    return Check(stage=Stage.VERIFY, status=Status.SKIP, message="preconditions not met", image=image)


def result(
    checks: tuple[Check, ...],
    *,
    of: ResourceId | None = None,
    policy: str = "kube-system/check-images",
    rule: str = "verify-signature",
    action: Action = Action.ENFORCE,
    scored: bool = True,
    properties: tuple[tuple[str, str], ...] = (),
    category: str = "",
    severity: str = "",
) -> RuleResult:
    return RuleResult(
        policy=policy,
        rule=rule,
        resource=of or resource("etcd"),
        action=action,
        checks=checks,
        scored=scored,
        category=category,
        severity=severity,
        properties=properties,
        location=place(POLICY_FILE, 12, 5, 6),
    )


def story() -> Report:
    """Return the outcome of the article's cluster with the wrong signer for one image: 12 pass, 1 fails."""
    names = [f"kube-proxy-{n}" for n in range(4)]
    pods = ["coredns-0", "coredns-1", *names, "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    results = [result((signed(), proved()), of=resource(name)) for name in pods]
    results.append(result((wrongly_signed(), unproved()), of=resource("etcd")))
    results += [
        result((signed(), proved()), of=resource(name, kind=kind), rule="autogen-verify-signature")
        for kind, name in (("Deployment", "coredns"), ("ReplicaSet", "coredns"), ("DaemonSet", "kube-proxy"))
    ]
    return Report(
        results=tuple(results),
        policies=1,
        rules=3,
        resources=18,
        images=6,
        requests=Requests(manifests=12, blobs=6, bytes=48213),
        verifications=6,
    )


def mixed() -> Report:
    """Return a report with every status, a cluster-wide resource, and all optional fields."""
    cluster_wide = ResourceId(api_version="example.org/v1", kind="Runner", namespace="", name="ci", uid="u-1")
    overridden = (("failMessage", "ask the platform team"), ("owner", "platform"))
    return Report(
        results=(
            result((signed(), proved()), category="Supply Chain", severity="high"),
            result(
                (wrongly_signed(), unproved()),
                rule="overridden",
                properties=overridden,
                severity="enormous",
            ),
            result((wrongly_signed(),), policy="audited", action=Action.AUDIT),
            result((wrongly_signed(),), policy="unscored", scored=False, severity="low"),
            result((unreachable(), unproved()), policy="unreachable"),
            result((skipped(),), policy="skipping", of=cluster_wide),
        ),
        policies=5,
        rules=6,
        resources=2,
        images=1,
        requests=Requests(manifests=2, blobs=1, referrers=1, tokens=1, bytes=1),
        verifications=1,
        notices=("policies/other.yaml:1:1: ConfigMap is not a policy: ignored",),
        roots=(trusted_root(),),
    )


def trusted_root() -> RootLine:
    """Return a root from a file, of known ages."""
    return RootLine(
        name="root.json",
        version="c" * 64,
        source="file",
        place="trust/root.json",
        checked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        expires=None,
        newest=datetime(2025, 12, 31, tzinfo=UTC),
        text="root.json: the file trust/root.json, newest entry of 2025-12-31",
    )


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "line\nfeed\r\nand\ttab",
    "<script>alert(\"1\")</script> & 'quotes'",
    "right\u202eto\u200eleft\u2066",
    "nul\x00 bell\x07 del\x7f c1\x9b",
    "lone surrogate \udc80\ud800",
    "]]> --> {0} {{x}} [link](https://attacker.invalid)",
    "---\n- yaml: *alias\n? !!python/object",
    "\u2028\u2029\u0085\ufeff",
    "",
)
"""Strings that a hostile registry, policy or resource may put anywhere (K34)."""


def hostile(text: str) -> Report:
    """Return a report in which every string that others control is `text`."""
    reason = Reason(
        code="signed",
        text=text,
        met=False,
        details=((text or "d", text),),
        location=place(Source(text or "f", ""), 1, 1),
        children=(Reason(code="inner", text=text, met=False, details=((text, text),)),),
    )
    checks = tuple(
        Check(
            stage=Stage.VERIFY,
            status=status,
            message=text,
            image=text,
            container=text,
            pointer=text,
            digest=text,
            reason=reason,
        )
        for status in Status
    )
    results = tuple(
        RuleResult(
            policy=text or "p",
            rule=text,
            resource=ResourceId(
                api_version=text,
                kind=text,
                namespace=text,
                name=text,
                uid=text,
                location=place(Source(text or "f", ""), 1, 1),
            ),
            action=Action.AUDIT,
            checks=(check,),
            category=text,
            severity=text,
            properties=((text, text),),
            location=place(Source(text or "f", ""), 2, 3),
        )
        for check in checks
    )
    root = RootLine(
        name=text,
        version="0" * 64,
        source="file",
        place=text,
        checked_at=None,
        expires=None,
        newest=None,
        text=text,
    )
    return Report(results=results, policies=1, rules=1, resources=1, notices=(text,), roots=(root,))
