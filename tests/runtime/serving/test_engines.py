"""What a server's engines believe."""

import asyncio
from pathlib import Path

from pratique.compiler.ir import PolicySet
from pratique.compiler.plan import Plan
from pratique.grammar.image_reference import parse_image
from pratique.runtime.metrics import Metrics
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.serving.engines import engines
from pratique.runtime.serving.options import ServeOptions
from tests.support_registry import FakeRegistry, image


def test_k3_a_tag_that_moves_is_noticed_by_the_next_request_though_there_is_a_disk_cache(
    tmp_path: Path,
) -> None:
    """A tag that moves after a verdict leads to the new digest, also after a restart with the same folder."""

    async def digest(registry: FakeRegistry) -> str:
        options = ServeOptions(policies=(), store=StoreOptions(insecure=True, cache_dir=tmp_path / "cache"))
        async with engines(options, Metrics()) as made:
            evidence = made.admission(Plan(PolicySet(policies=()))).evidence
            assert evidence is not None
            asked = parse_image(f"{registry.host}/app:v1")
            return f"{await evidence.evaluation().digest(asked)} {await evidence.evaluation().digest(asked)}"

    async def run() -> None:
        async with FakeRegistry() as registry:
            first = registry.manifest("app", image("first"), "v1")
            assert await digest(registry) == f"{first} {first}"
            second = registry.manifest("app", image("second"), "v1")
            assert await digest(registry) == f"{second} {second}"

    asyncio.run(run())
