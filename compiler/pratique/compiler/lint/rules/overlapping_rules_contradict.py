"""Two rules ask for different things of one image.

## What it does

Reports entries that speak about the same image of the same resource, where no one signature meets the
attestors of both; where no image at all can meet both; and where one writes digests into images by tag while
the other refuses them for having none.

## Why

All rules that speak about an image must pass. Where a rule for a whole registry and a rule for one of its
images name different signers, the image needs both signatures: the right one of each alone fails. Nothing
says so until it is refused.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: control-plane
spec:
  rules:
  - name: everything
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: krel-trust@k8s-releng-prod.iam.gserviceaccount.com
            rekor:
              url: https://rekor.sigstore.dev
  - name: etcd
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/etcd*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com
            rekor:
              url: https://rekor.sigstore.dev
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: control-plane
spec:
  rules:
  - name: everything
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/*"
      skipImageReferences:
      - "registry.k8s.io/etcd*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: krel-trust@k8s-releng-prod.iam.gserviceaccount.com
            rekor:
              url: https://rekor.sigstore.dev
  - name: etcd
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/etcd*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com
            rekor:
              url: https://rekor.sigstore.dev
```

## Limits

Two signatures may well be meant, a publisher's and that of whoever reviewed the image; then say so with an
ignore comment. Rules that depend on preconditions, on who sends a request or on `imageExtractors` are left
alone, and of entries with many rivals three are named. A certificate is taken to name one subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.demands import NEVER, names_repositories
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.references import Universe, digested, images, tagged
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.meetings import Meeting, Question, meetings
from pratique.compiler.lint.neighbours import Neighbours
from pratique.compiler.lint.places import of_setting
from pratique.grammar.source import Location

NOTHING: Final = ir.ImageRequirement(images=ir.ImageRegion(include=()), signatures=(NEVER,))
"""What no image can meet."""


@rule("PRQ014", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the entries that ask for what an earlier entry does not allow."""
    sites = [site for site in facts.sites if site.is_unconditional]
    near = Neighbours(facts, sites)

    signers = Question(key=_evidence, clash=partial(_compared, facts), universe=_universe)
    for apart in meetings(facts, near, sites, signers):
        yield _two_signers(facts, apart) if apart[0].clash.first else _impossible(apart)
    digests = Question(key=_digest, clash=_opposite, universe=_tagged)
    for opposite in meetings(facts, near, sites, digests):
        yield _mended(opposite)


# --- signatures ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Apart:
    """Who meets each of two entries alone; nobody where no image can meet both."""

    first: Signer | None = None
    second: Signer | None = None


def _evidence(site: Site) -> ir.ImageRequirement | None:
    """Return the signatures and statements that an entry asks for; None for none."""
    given = site.requirement
    if not given.signatures and not given.attestations:
        return None
    return replace(NOTHING, signatures=given.signatures, attestations=given.attestations)


def _compared(facts: Facts, one: ir.ImageRequirement, other: ir.ImageRequirement) -> _Apart | None:
    if facts.is_spent:
        return None
    if one.signatures and other.signatures and isinstance(facts.one_signer([one, other]), Proof):
        first, second = facts.one_signer([one]), facts.one_signer([other])
        # An entry that asks for two signatures by itself was not written with one in mind.
        if isinstance(first, Signer) and isinstance(second, Signer):
            return _Apart(first, second)
    if one.attestations and other.attestations and _is_impossible(facts, one, other):
        return None if _is_impossible(facts, one) or _is_impossible(facts, other) else _Apart()
    return None


def _is_impossible(facts: Facts, *asked: ir.ImageRequirement) -> bool:
    return isinstance(facts.implies(asked, [NOTHING]), Proof)


def _universe(one: Site, other: Site) -> Universe | None:
    """Return the images to look at; None where both entries may well be meant for all of them.

    An entry that writes digests changes the names that later entries of its policy see.
    """
    if one.rule is other.rule and one.include == other.include:
        return None  # who lists the same images twice asks for both
    if one.policy is not other.policy or not one.requirement.pin_digest:
        return images()
    return images() if all(map(names_repositories, (*other.include, *other.skip))) else digested()


def _two_signers(facts: Facts, found: list[Meeting[_Apart]]) -> Problem:
    first = found[0]
    earlier, later = _named(first, first.first), _named(first, first.second)
    signers = [signer for signer in (first.clash.first, first.clash.second) if signer]
    both = f"{earlier} and {later} want different signers"
    if signers[0].attestor.format is not signers[1].attestor.format:
        both = f"{earlier} and {later} want signatures of different formats"
    examples = [Example("asked for both", str(first.point), first.point)]
    examples += [
        Example(f"meets {name} alone", str(signer), first.point, (signer,))
        for name, signer in zip((earlier, later), signers, strict=True)
    ]
    return Problem(
        message=f"{both} of one image: no one signature is both, so `{first.point.image}` fails unless it has"
        f" a signature of each{_others(found)}",
        location=_place(facts, first.second, first.point.image),
        label="other signers are asked for as well",
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        examples=tuple(examples),
        related=_related(facts, found),
        help=_advice(facts, first),
    )


def _impossible(found: list[Meeting[_Apart]]) -> Problem:
    first = found[0]
    earlier, later = _named(first, first.first), _named(first, first.second)
    at = first.second.requirement.attestations[0].at.location
    return Problem(
        message=f"no image can pass {earlier} and {later}: what one wants of statements about"
        f" `{first.point.image}`, the other rules out{_others(found)}",
        location=at or first.second.requirement.at.location,
        label="cannot be met beside the other rule",
        examples=(Example("fails one or the other", str(first.point), first.point),),
        related=tuple(
            (f"{_named(first, meeting.first)} speaks about it, too", meeting.first.requirement.at.location)
            for meeting in found
            if meeting.first.requirement.at.location
        ),
        help="let one of the rules skip the image, or ask for the statement in one place",
    )


def _advice(facts: Facts, meeting: Meeting[_Apart]) -> str:
    if not (meeting.first.is_classic and meeting.second.is_classic):
        return "let one of them leave out what the other is about, or accept both signers"
    for wide, narrow in ((meeting.first, meeting.second), (meeting.second, meeting.first)):
        within = [
            pattern.text
            for pattern in narrow.include
            if any(facts.glob(other).plainly_includes(facts.glob(pattern)) for other in wide.include)
        ]
        if within and narrow.include != wide.include:
            name = _named(meeting, wide)
            return (
                f"add `{within[0]}` to `skipImageReferences` of {name} if it has a signer of its own, or name"
                " both signers in one entry with `count: 1` if either will do"
            )
    return (
        "let one of them skip what the other is about (`skipImageReferences`), or name both signers in one"
        " entry with `count: 1` if either will do"
    )


# --- digests -------------------------------------------------------------------------------------------


def _digest(site: Site) -> str | None:
    """Return what becomes of images by tag; None for neither, or where other rules of the policy decide."""
    if site.requirement.pin_digest:
        return "mended"
    pins = any(each.pin_digest for declared in site.policy.rules for each in declared.requirements)
    return "refused" if site.requirement.demand_digest and site.enforces and not pins else None


def _opposite(one: str, other: str) -> bool | None:
    return one != other or None


def _tagged(_one: Site, _other: Site) -> Universe:
    return tagged()


def _mended(found: list[Meeting[bool]]) -> Problem:
    first = found[0]
    adding, refusing = first.first, first.second
    if refusing.requirement.pin_digest:
        adding, refusing = refusing, adding
    adds, refuses = _named(first, adding), _named(first, refusing)
    place = adding.requirement.at.location
    return Problem(
        message=f"{adds} writes a digest into images by tag, {refuses} refuses them for having none: at"
        f" admission `{first.point.image}` passes, in scans and pipelines it fails{_others(found)}",
        location=of_setting(refusing.requirement.at.location, "verifyDigest"),
        label="refuses what another rule mends",
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        examples=(Example("mended and refused", str(first.point), first.point),),
        related=(("digests are written here", place),) if place else (),
        help=f"set `mutateDigest` alike in both, or let {adds} skip these images",
    )


# --- words ---------------------------------------------------------------------------------------------


def _named(meeting: Meeting[object], site: Site) -> str:
    """Return what an entry is called beside the other of a meeting."""
    one, other = meeting.first, meeting.second
    if one.policy is not other.policy:
        return f"rule `{site.policy.key}/{site.rule.name}`"
    if one.rule is not other.rule:
        return f"rule `{site.rule.name}`"
    number = 1 + next(n for n, each in enumerate(site.rule.requirements) if each is site.requirement)
    return f"entry {number} of rule `{site.rule.name}`"


def _others(found: Sequence[Meeting[object]]) -> str:
    more = [f"`{meeting.first.policy.key}/{meeting.first.rule.name}`" for meeting in found[1:]]
    return f"; so it is with {', '.join(more)}" if more else ""


def _related(facts: Facts, found: list[Meeting[_Apart]]) -> tuple[tuple[str, Location], ...]:
    places = ((m, _place(facts, m.first, m.point.image)) for m in found)
    return tuple((f"{_named(m, m.first)} speaks about it, too", place) for m, place in places if place)


def _place(facts: Facts, site: Site, image: str) -> Location | None:
    """Return where the pattern stands by which an entry speaks about an image."""
    return next((p.at.location for p in site.include if facts.glob(p).matches(image)), None)
