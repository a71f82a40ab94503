from pratique.compiler.lint.base import catalogue
from pratique.compiler.lint.manual import page, whole
from tests.conftest import ROOT, Golden


def test_the_page_is_made_from_the_rules(golden: Golden) -> None:
    golden(ROOT / "docs" / "lint.md", whole())


def test_every_rule_is_on_the_page() -> None:
    text = whole()
    for rule in catalogue():
        assert f"\n## {rule.code} {rule.name}\n" in text
        assert f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) |" in text
        head = f"# {rule.code} {rule.name}\n\n{rule.summary} ({rule.severity})\n\n## What it does\n"
        assert page(rule).startswith(head)
