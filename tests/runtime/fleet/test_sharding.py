from __future__ import annotations

from collections import Counter

import pytest

from pratique.runtime.fleet.sharding import affinity, belongs, parse_shard
from pratique.runtime.resource import Resource
from tests.support_fleet import pod


def test_every_resource_is_of_one_shard_and_shards_are_even() -> None:
    found = Counter[int]()
    for number in range(2000):
        resource = Resource(pod("p", f"ghcr.io/x/app-{number}:1"))
        (shard,) = [n for n in range(4) if belongs(resource, (n, 4))]
        found[shard] += 1
    assert min(found.values()) > 400


def test_what_runs_the_same_image_stays_together() -> None:
    one = pod("a", "ghcr.io/x:1")
    sidecar = pod("b", "ghcr.io/x:1", namespace="two")
    sidecar["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    sidecar["spec"]["initContainers"] = [{"name": "init", "image": "init:1"}]
    controller = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": one["spec"]}},
    }
    assert len({affinity(Resource(each)) for each in (one, sidecar, controller)}) == 1
    assert affinity(Resource(pod("a", "ghcr.io/y:1"))) != affinity(Resource(one))


def test_resources_without_images_go_by_their_names() -> None:
    maps = [
        Resource({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}"}}) for n in range(100)
    ]
    assert {affinity(each) % 2 for each in maps} == {0, 1}


def test_shards_are_counted_from_one() -> None:
    assert parse_shard("1/4") == (0, 4)
    assert parse_shard("4/4") == (3, 4)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/4", "1/-4", "²/4", "1/10001"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match=r"I/N|I counts"):
        parse_shard(text)
