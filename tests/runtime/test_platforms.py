"""Multi-platform images: which manifests must be signed, by the option `--platform`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.cli import main
from pratique.runtime.lab.build import Lab, write_lab
from pratique.runtime.platforms import (
    MAX_MANIFESTS,
    Part,
    Platform,
    Reach,
    choose,
    parse_coverage,
    parts_of,
)
from pratique.runtime.ports import Digest, Manifest, Repository
from tests.support_engine import FakeStore, digest_of, pod
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy

RECIPE = """
signers: {team: {key: ecdsa-p256}}
images:
  - image: lab.test/index:v1
    platforms: [linux/amd64, linux/arm64/v8]
    signatures: [{by: team, covers: index}]
    attestations: [{by: team, type: a/b, covers: index}]
  - image: lab.test/children:v1
    platforms: [linux/amd64, linux/arm64/v8]
    signatures: [{by: team, covers: platforms}]
  - image: lab.test/all:v1
    platforms: [linux/amd64, linux/arm64/v8]
    signatures: [{by: team, covers: all}]
    attestations: [{by: team, type: a/b, covers: all}]
  - image: lab.test/single:v1
    signatures: [{by: team}]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lab]:
    folder = tmp_path_factory.mktemp("platforms")
    return folder, write_lab(recipe_of(RECIPE), folder / "lab")


def platform_digest(lab: Lab, image: str, platform: str) -> str:
    return next(r.platforms[platform] for r in lab.inventory.images if r.image == image)


def applied(
    built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str], image: str, *options: str, **entry: Any
) -> list[dict[str, Any]]:
    """Return the results of one Pod under a policy that asks for the team's key."""
    folder, lab = built
    key = {"publicKeys": lab.trust["trust/keys/team.pub"], "rekor": {"ignoreTlog": True, "url": "x"}}
    attestors = [{"entries": [{"keys": {**key, "ctlog": {"ignoreSCT": True}}}]}]
    if entry.pop("attested", False):
        entry["attestations"] = [{"type": "a/b", "attestors": attestors}]
    settings = {"mutateDigest": False, "verifyDigest": False, "required": False, **entry}
    policy, resource = folder / "policy.yaml", folder / "pod.yaml"
    spec = {"validationFailureAction": "Enforce"}
    given = {"imageReferences": ["*"], "attestors": attestors, **settings}
    policy.write_text(cluster_policy(given, spec={**spec, **_rules(given)}))
    resource.write_text(json.dumps(pod(image)))
    trust = ["--trusted-root", str(folder / "lab" / "trust" / "trusted_root.json"), "--offline"]
    layout = ["--registry-layout", str(folder / "lab" / "layout"), "-o", "json"]
    main(["apply", str(policy), "-r", str(resource), *trust, *layout, *options])
    results: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["results"]
    return results


def _rules(entry: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = json.loads(cluster_policy(entry))["spec"]["rules"][0]
    return {"rules": [rule]}


@pytest.mark.parametrize(
    ("image", "choice", "expected"),
    [
        ("index", "", "pass"),
        ("index", "index", "pass"),
        ("index", "linux/amd64", "fail"),
        ("index", "all", "fail"),
        ("children", "", "fail"),
        ("children", "linux/amd64", "pass"),
        ("children", "linux/arm64", "pass"),
        ("children", "linux/arm64/v8", "pass"),
        ("children", "all", "fail"),
        ("all", "index", "pass"),
        ("all", "linux/amd64", "pass"),
        ("all", "all", "pass"),
        ("single", "linux/amd64", "pass"),
        ("single", "all", "pass"),
        ("all", "windows/amd64", "error"),
        ("all", "linux/arm64/v9", "error"),
    ],
)
def test_f16_what_must_be_signed(
    built: tuple[Path, Lab],
    capsys: pytest.CaptureFixture[str],
    image: str,
    choice: str,
    expected: str,
) -> None:
    options = ["--platform", choice] if choice else []
    for attested in (False, True) if image in ("index", "all") else (False,):
        (first, *_) = applied(built, capsys, f"lab.test/{image}:v1", *options, attested=attested)
        assert (first["result"], choice) == (expected, choice)


def test_a_digest_reference_is_an_index_too(
    built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    lab = built[1]
    digest = next(r.digest for r in lab.inventory.images if "children" in r.image)
    image = f"lab.test/children@{digest}"
    for choice, expected in (("index", "fail"), ("linux/amd64", "pass"), ("all", "fail")):
        assert applied(built, capsys, image, "--platform", choice)[0]["result"] == expected


def test_the_verified_manifest_is_pinned(built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str]) -> None:
    """What is pinned is what was verified: a Pod that runs by it can run nothing else."""
    child = platform_digest(built[1], "lab.test/children:v1", "linux/amd64")
    results = applied(
        built, capsys, "lab.test/children:v1", "--platform", "linux/amd64", mutateDigest=True, required=True
    )
    assert [r["result"] for r in results] == ["pass", "pass"]
    assert results[0]["digest"] == child


def test_the_platform_without_signature_is_named(
    built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    child = platform_digest(built[1], "lab.test/index:v1", "linux/amd64")
    (first, *_) = applied(built, capsys, "lab.test/index:v1", "--platform", "all")
    assert first["message"] == (
        f"linux/amd64: failed to verify image lab.test/index@{child}:"
        " .attestors[0].entries[0].keys: no signatures found"
    )
    assert first["image"] == "lab.test/index:v1"
    assert [c["code"] for c in first["reason"]["children"]] == ["threshold", "platform"]


def test_f12_no_manifest_for_the_platform(
    built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    (first, *_) = applied(built, capsys, "lab.test/all:v1", "--platform", "windows/amd64")
    assert (
        "lab.test/all:v1 has no manifest for windows/amd64; it has linux/amd64, linux/arm64"
        in (first["message"])
    )


def test_a_choice_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "p.yaml", "-r", "r.yaml", "--platform", "amd64"]) == 2
    assert "'amd64' is not index, all or OS/ARCH, such as linux/amd64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "choice", "expected"),
    [("index", "index", 0), ("index", "all", 1), ("children", "linux/arm64", 0), ("all", "all", 0)],
)
def test_verify(
    built: tuple[Path, Lab],
    capsys: pytest.CaptureFixture[str],
    image: str,
    choice: str,
    expected: int,
) -> None:
    lab = built[0] / "lab"
    asked = ["--key", str(lab / "trust" / "keys" / "team.pub"), "--registry-layout", str(lab / "layout")]
    trust = ["--trusted-root", str(lab / "trust" / "trusted_root.json"), "--offline", "-o", "json"]
    assert main(["verify", f"lab.test/{image}:v1", *asked, *trust, "--platform", choice]) == expected
    report = json.loads(capsys.readouterr().out)
    assert report["verified"] is (expected == 0)
    if expected:
        assert report["reason"]["text"] == "linux/amd64: no signatures found"
    elif choice == "all":
        assert len(report["signatures"]) == 3
        assert report["reason"]["text"] == "every platform is signed by who was asked for"


# --- choices and indexes -----------------------------------------------------------------------------------


def test_choices() -> None:
    assert parse_coverage("index") is Reach.INDEX
    assert parse_coverage("all") is Reach.ALL
    assert parse_coverage("linux/aarch64/v8") == parse_coverage("linux/arm64") == Platform("linux", "arm64")
    assert str(parse_coverage("linux/arm/v7")) == "linux/arm/v7"
    for text in ("", "linux", "linux/", "/amd64", "Linux/amd64", "linux/amd64/v2/x", "linux/amd64\n", "*/*"):
        with pytest.raises(ValueError, match="is not index, all or"):
            parse_coverage(text)


def part(letter: str, platform: Platform | None) -> Part:
    return Part(Digest("sha256:" + letter * 64), platform)


ARM = [Platform("linux", "arm", variant) for variant in ("v6", "v7")]


def test_the_one_manifest_is_chosen() -> None:
    parts = [part("a", ARM[0]), part("b", ARM[1]), part("c", Platform("linux", "arm64")), part("d", None)]
    assert choose(parts, ARM[1], "x") == parts[1].digest
    assert choose(parts, Platform("linux", "arm64"), "x") == parts[2].digest
    for wanted, many in (
        (Platform("linux", "arm"), "2 manifests"),
        (Platform("linux", "s390x"), "no manifest"),
    ):
        with pytest.raises(TransportError, match=f"x has {many} for {wanted}") as caught:
            choose(parts, wanted, "x")
        assert caught.value.code == "bad-manifest"


def test_two_manifests_for_one_platform_are_not_guessed_between() -> None:
    amd64 = Platform("linux", "amd64")
    with pytest.raises(TransportError, match="2 manifests"):
        choose([part("a", amd64), part("b", amd64)], amd64, "x")


WHERE = Repository("lab.test", "app")
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


class Indexes:
    """A store of indexes, built from the inside out."""

    def __init__(self) -> None:
        self.store = FakeStore()

    def put(self, *entries: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"mediaType": INDEX, "manifests": entries}).encode()
        digest = digest_of(body)
        self.store.manifests[WHERE, digest] = body
        return {"mediaType": INDEX, "digest": digest, "size": len(body)}

    def parts(self, entry: dict[str, Any]) -> list[Part]:
        async def read() -> tuple[Part, ...]:
            manifest: Manifest = await self.store.manifest(WHERE, entry["digest"])
            return await parts_of(self.store, WHERE, manifest)

        return list(asyncio.run(read()))


def image(letter: str, *platform: str) -> dict[str, Any]:
    named = {"platform": dict(zip(("os", "architecture", "variant"), platform, strict=False))}
    return {"mediaType": IMAGE, "digest": "sha256:" + letter * 64, "size": 1, **(named if platform else {})}


def test_parts_of_indexes() -> None:
    indexes = Indexes()
    inner = indexes.put(image("b", "linux", "arm64", "v8"), image("a", "linux", "amd64"))
    outer = indexes.put(image("a", "linux", "amd64"), image("c"), inner, image("d", "unknown", "unknown"))
    assert indexes.parts(outer) == [
        part("a", Platform("linux", "amd64")),
        part("c", None),
        part("b", Platform("linux", "arm64")),
    ]


def test_f12_indexes_too_deep_or_too_large() -> None:
    indexes = Indexes()
    deep = indexes.put(indexes.put(indexes.put(image("a", "linux", "amd64"))))
    many = [image("a") | {"digest": f"sha256:{n:064x}"} for n in range(MAX_MANIFESTS + 1)]
    for entry in (deep, indexes.put(*many)):
        with pytest.raises(TransportError) as caught:
            indexes.parts(entry)
        assert caught.value.code == "bad-manifest"
