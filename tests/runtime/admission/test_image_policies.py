"""ClusterImagePolicies at admission: digests are written, and what nobody vouches for is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.runtime.admission.verdict import Verdict
from tests.support_admission import APP, DEV, judge
from tests.support_engine import World, pod
from tests.support_sigstore import keyless, written


def verdict(text: str, *, signed: bool, mutating: bool, **changes: Any) -> Verdict:
    given = World(text)
    digest = given.store.image(APP, *([DEV] if signed else []))
    image = APP if mutating else f"{APP}@{digest}"
    return judge(given, pod(image), mutating=mutating, **changes)


@pytest.mark.parametrize("mutating", [True, False])
def test_any_authority_does(mutating: bool) -> None:
    either = written(keyless("ops@acme.example"), keyless("dev@acme.example"))
    assert verdict(either, signed=True, mutating=mutating).allowed
    assert not verdict(either, signed=False, mutating=mutating).allowed


def test_digests_are_written() -> None:
    found = verdict(written(keyless("dev@acme.example")), signed=True, mutating=True)
    written_to = {patch["path"]: str(patch["value"]) for patch in found.patch}
    assert "@sha256:" in written_to["/spec/containers/0/image"]


def test_warnings() -> None:
    warning = written(keyless("dev@acme.example"), more="  mode: warn\n")
    found = verdict(warning, signed=False, mutating=False)
    assert found.allowed
    assert len(found.warnings) == 1
