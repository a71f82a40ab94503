"""Pull secrets that a resource names."""

from types import SimpleNamespace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.pull_secrets import MAX_NAMES, named_pull_secrets
from pratique.runtime.resource import Resource

SECRETS = {"imagePullSecrets": [{"name": "one"}, {"name": "two"}, {"name": "one"}]}


def rule(*paths: str, kind: str = "Task") -> ir.Rule:
    region = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=()))
    extractors = ((kind, tuple(SimpleNamespace(path=path) for path in paths)),) if paths else ()
    return ir.Rule(name="r", resources=region, requirements=(), extractors=extractors)


def names(kind: str, data: dict[str, Any], one: ir.Rule | None = None) -> tuple[str, ...]:
    return named_pull_secrets(Resource({"apiVersion": "v1", "kind": kind, **data}), one or rule())


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Pod", {"spec": SECRETS}),
        ("Deployment", {"spec": {"template": {"spec": SECRETS}}}),
        ("CronJob", {"spec": {"jobTemplate": {"spec": {"template": {"spec": SECRETS}}}}}),
    ],
)
def test_built_in_kinds(kind: str, data: dict[str, Any]) -> None:
    assert names(kind, data) == ("one", "two")


@pytest.mark.parametrize(
    "spec",
    [
        None,
        "x",
        {},
        {"imagePullSecrets": None},
        {"imagePullSecrets": "one"},
        {"imagePullSecrets": {"name": "one"}},
        {"imagePullSecrets": [None, "one", {"name": 1}, {"name": ""}, {}]},
    ],
)
def test_malformed_lists_name_none(spec: Any) -> None:
    assert names("Pod", {"spec": spec}) == ()


def test_extractors() -> None:
    data = {
        "spec": {
            "imagePullSecrets": [{"name": "above"}],
            "steps": [{"imagePullSecrets": [{"name": "first"}]}, {"imagePullSecrets": [{"name": "second"}]}],
            "other": {"imagePullSecrets": [{"name": "elsewhere"}]},
        }
    }
    assert names("Task", data, rule("/spec/steps/*/image")) == ("above", "first", "second")
    # They replace the built-in places, as they do for images.
    assert names("Pod", {"spec": SECRETS}, rule("/spec/x/*", kind="Pod")) == ("one", "two")
    assert names("Pod", {"spec": SECRETS}, rule("/data/*", kind="Pod")) == ()


def test_bounds() -> None:
    many = {"imagePullSecrets": [{"name": f"s{n}"} for n in range(1000)]}
    assert len(names("Pod", {"spec": many})) == MAX_NAMES
    wide: dict[str, Any] = {"spec": {str(n): {str(m): {} for m in range(200)} for n in range(200)}}
    assert names("Task", wide, rule("/spec/*/*/*/*")) == ()
