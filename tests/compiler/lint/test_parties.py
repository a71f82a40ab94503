from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.lint.parties import party


@pytest.mark.parametrize(
    ("tests", "named"),
    [
        ((ir.Glob(text="https://github.com/Acme/app/.github/workflows/a.yml@refs/heads/main"),), "acme"),
        ((ir.Glob(text="https://gitlab.com/acme/*"),), "acme"),
        ((ir.Search(text=r"^https://github\.com/acme/.+$"),), "acme"),
        ((ir.Glob(text="release@acme.example"),), "acme"),
        ((ir.Glob(text="*@ci.acme.example"),), "acme"),
        ((ir.Search(text=r"^[^@]+@acme\.example$"),), "acme"),
        ((ir.Glob(text="a@acme.example"), ir.Search(text=r"@acme\.example$")), "acme"),
        ((ir.Glob(text="a@acme.example"), ir.Glob(text="b@other.example")), ""),
        ((ir.Glob(text="https://github.com/*/app"),), ""),
        ((ir.Search(text="https://github.com/(acme|other)/"),), ""),
        ((ir.Glob(text="somebody@gmail.com"),), ""),
        ((ir.Glob(text="robot@acme-prod.iam.gserviceaccount.com"),), ""),
        ((ir.Glob(text="https://kubernetes.io/namespaces/x/serviceaccounts/y"),), ""),
        ((), ""),
    ],
)
def test_who_stands_behind_a_subject(tests: tuple[ir.Exactly | ir.Glob | ir.Search, ...], named: str) -> None:
    signer = ir.IdentitySigner(subject=ir.TextTests(tests=tests, every=False))
    assert party(signer) == named


def test_keys_tell_nothing() -> None:
    assert party(ir.KeySigner(key="k8s://acme/cosign")) == ""
