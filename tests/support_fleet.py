"""Scans for tests: inventories in memory, policies from texts, and reports as texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.grammar.source import Source
from pratique.runtime.fleet.classes import Classes
from pratique.runtime.fleet.inventory import Identity, Item, Position
from pratique.runtime.fleet.judge import JudgeOptions
from pratique.runtime.fleet.log import Header, Log
from pratique.runtime.fleet.report import open_report
from pratique.runtime.fleet.scan import Here, scan
from pratique.runtime.fleet.sharding import WHOLE, Shard
from pratique.runtime.inputs import Inputs
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.formats import pieces
from pratique.runtime.policy_files import policies_of

LABELLED = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: labelled}
spec:
  rules:
    - name: team
      match: {any: [{resources: {kinds: [Pod, Deployment]}}]}
      validate: {message: "a team is needed", pattern: {metadata: {labels: {team: "?*"}}}}
    - name: tag
      match: {any: [{resources: {kinds: [Pod]}}]}
      validate: {pattern: {spec: {containers: [{image: "!*:latest"}]}}}
"""


def policies(*texts: str) -> ir.PolicySet:
    found = policies_of(Inputs(sources=tuple(Source(f"p{n}.yaml", text) for n, text in enumerate(texts))))
    assert not found.mistakes, found.mistakes
    return found.policies


def pod(name: str, image: str = "a:1", *, namespace: str = "ns", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


class MemoryInventory:
    """Objects in a list."""

    def __init__(self, objects: Sequence[dict[str, Any]]) -> None:
        self.objects = objects
        self.identity = Identity(kind="file", id="memory", name="memory")
        self.notices: tuple[str, ...] = ()
        self.position = Position(unit="objects", total=len(objects))

    def items(self) -> Iterator[Item]:
        for number, data in enumerate(self.objects):
            self.position.done = number
            yield Item(place=(number,), data=json.loads(json.dumps(data)))


def header(shard: Shard = WHOLE, **about: str) -> Header:
    return Header(about={"policies": "p", **about}, shard=shard, policies=1, rules=2, notices=("a word",))


def run_scan(
    path: Path,
    objects: Sequence[dict[str, Any]],
    found: ir.PolicySet,
    *,
    shard: Shard = WHOLE,
    **options: Any,
) -> Path:
    """Scan objects into a log."""
    judge = JudgeOptions(policies=found, **options)
    log = Log(path, header(shard))
    try:
        scan(
            MemoryInventory(objects),
            Classes(Plan(found), judge.exemptions),
            log,
            lambda told: Here(judge, told),
            shard,
            lambda *_: None,
        )
    finally:
        log.close()
    return path


def text_of(form: str, *paths: Path, **options: Any) -> str:
    """Return the report of logs in a format."""
    report = open_report(paths)
    try:
        return "".join(pieces(form, report, RenderOptions(**options)))
    finally:
        report.close()
