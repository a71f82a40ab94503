"""`docs/expressions.md` says what the code does: functions with their types, operators, limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pratique.compiler.expressions.jmespath.functions import all_functions
from pratique.compiler.expressions.jmespath.functions.signature import Function
from pratique.compiler.expressions.limits import DEFAULT_LIMITS
from pratique.compiler.expressions.operators import OPERATORS, REPLACEMENTS
from pratique.grammar.limits import MIB

DOCUMENT = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text of one section of the second level."""
    return re.split(r"^## ", DOCUMENT.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of all tables of a section, without heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `") or line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def signature(function: Function) -> str:
    parameters = [
        " or ".join("expression" if name == "expref" else name for name in parameter.types)
        for parameter in function.parameters
    ]
    return f"`{function.name}({', '.join(parameters + ['...'] * function.variadic)})`"


def test_every_function_is_listed_with_its_types() -> None:
    listed = {row[0]: row[1] for row in rows("Functions") if row[0].startswith("`")}
    assert listed == {signature(function): function.result for function in all_functions()}


def test_every_operator_is_listed_and_the_deprecated_ones_say_so() -> None:
    listed = {row[0].strip("`"): row[1] for row in rows("Conditions") if row[0].startswith("`")}
    assert set(listed) == set(OPERATORS)
    for operator, text in listed.items():
        expected = re.findall(r"`(\w+)`", text) if text.startswith("deprecated") else []
        assert tuple(expected) == REPLACEMENTS.get(operator, ())


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            "an expression",
            f"{DEFAULT_LIMITS.max_expression_bytes} bytes, {DEFAULT_LIMITS.max_nesting} levels",
        ),
        ("context entries together", f"{DEFAULT_LIMITS.max_context_bytes // MIB} MiB of JSON"),
        ("what one evaluation builds or looks through", f"{DEFAULT_LIMITS.max_work_bytes // MIB} MiB"),
        ("lists and maps inside each other", str(DEFAULT_LIMITS.max_data_depth)),
        ("rounds of expansion in one text", str(DEFAULT_LIMITS.max_expansions)),
        ("variables in one text, and in the values of variables", str(DEFAULT_LIMITS.max_substitutions)),
    ],
)
def test_limits_are_those_of_the_code(row: str, text: str) -> None:
    assert [row, text] in rows("Limits")


def test_deviations_name_tests_that_exist() -> None:
    root = Path(__file__).parents[3]
    tests = "\n".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    code = "\n".join(
        path.read_text() for path in (root / "compiler/pratique/compiler/expressions").rglob("*.py")
    )
    named = re.findall(r"Test:[\s#]*(test_\w+)", code)
    assert len(named) == code.count("DEVIATION:")
    for name in named:
        assert f"def {name}(" in tests
