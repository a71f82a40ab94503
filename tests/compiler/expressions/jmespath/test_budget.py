"""Every evaluation is bounded in memory and time, whatever the expression (rule R9)."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress

import pytest

from pratique.compiler.expressions.expression import Expression
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.limits import Limits
from pratique.grammar.errors import EvaluationError
from pratique.grammar.limits import MIB
from tests.support_expressions import WORLD, evaluate

_DOUBLE = " | join('', [@, @])"
_PAIR = " | [@, @]"

GROWING = {
    "joined texts": "'xxxxxxxxxx'" + _DOUBLE * 150,
    "replaced texts": "'aaaaaaaaaa'" + " | replace_all(@, 'a', 'aaaaaaaaaaaaaaaaaaaaaaa')" * 50,
    "regular expressions": "'aaaaaaaaaa'" + " | regex_replace_all('a', @, 'aaaaaaaaaaaaaaaaaaaa')" * 50,
    "flattened lists": "`[1, 2]`" + " | [@, @][]" * 200,
    "text of shared lists": "'x'" + _PAIR * 200 + " | to_string(@)",
    "equality of shared lists": "['x'" + _PAIR * 200 + ", 'x'" + _PAIR * 200 + "] | [0] == [1]",
    "encoded texts": "'xxxxxxxxxx'" + " | base64_encode(@)" * 100,
    "projections in projections": "`[1,2,3,4,5,6,7,8,9,10]`" + " | [*].[@,@,@,@,@,@,@,@,@,@][]" * 60,
    "split texts": "'" + "x" * 1000 + "'" + (" | split(@, '') | join('yyyyyyyyyy', @)" * 30),
    "random texts": "random('((((a*)*)*)*)*')",
    "random lists": "random('(((a{1000}){1000}){1000}){1000}')",
    "json texts": "'x'" + " | to_string([@, @])" * 120,
    "merged items": '`{"a":1}`' + " | items(@, 'k', 'v') | [@, @][]" * 60,
}


@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING.keys())
def test_growth_ends_in_an_error_in_bounded_time_and_memory(text: str) -> None:
    expression = Expression(text)
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(EvaluationError) as caught:
            expression.evaluate({}, WORLD)
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code in ("context-too-large", "data-too-deep")
    assert peak < 64 * MIB
    # Tracing makes allocations several times slower.
    assert seconds < 5


SLOW = {
    "regular expression that explodes elsewhere": "regex_match('^(a+)+$', t)",
    "large automaton over a large text": "regex_match('(x+x+)+y|(a|b|c|ab|bc){50}z', t)",
    "nested repetition": "regex_replace_all('(a*)*b', t, 'x')",
    "wildcards": "pattern_match('" + "*a?" * 500 + "b', t)",
    "cut set": "trim(t, t)",
    "filter with search": "l[?contains(t, @)]",
    "filter with expression": "l[?regex_match('(a|b|c|d|e|f|g)*z', @)]",
    "quadratic comparison": "map(&contains(@, 'z'), l)",
    "sorting": "sort_by(l, &length(@)) | reverse(@) | sort(@)",
    "version ranges": "semver_compare('1.2.3', t)",
    "dates": "time_parse(t, t)",
    "certificates": "x509_decode(t)",
    "yaml": "parse_yaml(t)",
    "json": "parse_json(t)",
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_large_data_takes_bounded_time(text: str) -> None:
    data = {"t": "a" * MIB, "l": [f"a{i}" for i in range(50_000)]}
    expression = Expression(text)
    start = time.process_time()
    with suppress(EvaluationError):
        expression.evaluate(data, WORLD)
    assert time.process_time() - start < 3


def test_the_budget_is_a_parameter() -> None:
    small = Environment(limits=Limits(max_work_bytes=1000))
    assert evaluate("join('', [@, @])", "x" * 100, small) == "x" * 200
    with pytest.raises(EvaluationError, match="too much data"):
        evaluate("join('', [@, @])", "x" * 600, small)
