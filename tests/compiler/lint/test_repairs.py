import pytest

from pratique.compiler.ir import PolicySet
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.repairs import is_unfinished, reason, repair

ENDS = (
    "every image reference that policies are matched against ends in `:tag` or `@digest`, and this pattern "
)
HEX = "0" * 64
FACTS = Facts(PolicySet(policies=()))


@pytest.mark.parametrize(
    ("text", "why", "better"),
    [
        ("registry.k8s.io/", f"{ENDS}ends in `/`", ("registry.k8s.io/*",)),
        ("registry.k8s.io", f"{ENDS}ends without either", ("registry.k8s.io/*",)),
        ("ghcr.io/acme/app", f"{ENDS}ends without either", ("ghcr.io/acme/app:*", "ghcr.io/acme/app@*")),
        ("ghcr.io/acme/app:", f"{ENDS}ends in `:`", ("ghcr.io/acme/app:*",)),
        ("ghcr.io/acme/app@", f"{ENDS}ends in `@`", ("ghcr.io/acme/app@*",)),
        ("ghcr.io/*/", f"{ENDS}ends in `/`", ("ghcr.io/*/*",)),
        ("https://ghcr.io/acme/*", "no image reference has `/` behind `https:`", ("ghcr.io/acme/*",)),
        ("https://ghcr.io/acme/", "no image reference has `/` behind `https:`", ("ghcr.io/acme/*",)),
        (
            "ghcr.io/Acme/*",
            "paths are compared in lower case, and this pattern has a capital `A`",
            ("ghcr.io/acme/*",),
        ),
        (
            "GHCR.io/*",
            "registries are compared in lower case, and this pattern has a capital `G`",
            ("ghcr.io/*",),
        ),
        ("ghcr.io/acme/* ", "no image reference has ` ` behind `ghcr.io/acme/*`", ("ghcr.io/acme/*",)),
        (
            f"ghcr.io/app:v1@sha256:{HEX}",
            "no image reference has `@` behind `ghcr.io/app:v1`",
            (f"ghcr.io/app@sha256:{HEX}",),
        ),
        (
            "ghcr.io/app@sha256:abc",
            "a sha256 digest has 64 hexadecimal digits, and this one has 3",
            None,
        ),
        ("", "an empty pattern matches the empty text only", None),
        ("ghcr.io/app:" + "t" * 129, "a path has at most 255 characters, and a tag at most 128", None),
        ("@*", "no image reference starts with `@`", None),
        ("x*" * 5_000, "no image reference has more than 776 characters", None),
    ],
)
def test_reasons_and_repairs(text: str, why: str, better: tuple[str, ...] | None) -> None:
    assert reason(text, FACTS) == why
    found = repair(text, FACTS)
    assert (found.patterns if found else None) == better
    if found:
        assert Glob.parse(found.patterns[0]).matches(found.example)
        assert images().contains(found.example)


def test_only_the_end_may_be_wrong() -> None:
    assert is_unfinished("registry.k8s.io/", FACTS)
    assert not is_unfinished("registry.k8s.io//", FACTS)
