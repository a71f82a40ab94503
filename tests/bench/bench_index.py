"""Finding and judging the rules of one resource, with few and with many policies that do not match it."""

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.runtime.applicable import applicable
from pratique.runtime.resource import Resource
from tests.bench.measure import per_call

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"containers": [{"name": "a", "image": "ghcr.io/acme/app:v1"}, {"name": "b", "image": "nginx"}]},
}


def policies(number: int) -> ir.PolicySet:
    match = ir.Selection(filters=(ir.ResourceFilter(kinds=(ir.KindSelector(kind="Pod"),)),))
    region = ir.ResourceRegion(namespace=None, match=match)
    return ir.PolicySet(
        policies=tuple(
            ir.Policy(
                kind="ClusterPolicy",
                name=f"p{n}",
                rules=(
                    ir.Rule(
                        name="verify",
                        resources=region,
                        requirements=(
                            ir.ImageRequirement(
                                images=ir.ImageRegion(
                                    include=(ir.ImagePattern(text=f"registry.example/team-{n}/*"),)
                                )
                            ),
                        ),
                    ),
                ),
            )
            for n in range(number)
        )
    )


def run() -> Iterator[tuple[str, str]]:
    base = 0.0
    for number in (10, 100, 1000, 10_000):
        plan = Plan(policies(number))
        spent = per_call(lambda plan=plan: applicable(plan, Resource(POD)))  # type: ignore[misc]
        base = base or spent
        yield f"one Pod, {number} policies that do not match", f"{spent * 1e6:.0f} us, x{spent / base:.2f}"
