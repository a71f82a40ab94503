"""Functions whose answers depend on the environment or are too long for the recorded table."""

from __future__ import annotations

import random
import re
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.jmespath.functions import TOPICS, all_functions, find_function
from pratique.compiler.expressions.jmespath.run import NOTHING_OUTSIDE, Environment
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import evaluate, failure_of, normal, recorded

X509: dict[str, Any] = recorded("x509.json")


# --- the table ------------------------------------------------------------------------------------------


def test_topics_name_every_function_of_their_files() -> None:
    from importlib import import_module

    package = "pratique.compiler.expressions.jmespath.functions"
    for topic, names in TOPICS.items():
        module = import_module(f"{package}.{topic}")
        assert sorted(function.name for function in module.FUNCTIONS) == sorted(names.split())
    assert len(all_functions()) == 76
    assert find_function("no_such_function") is None


@pytest.mark.parametrize("function", all_functions(), ids=lambda function: function.name)
@pytest.mark.parametrize("value", [None, True, 5, "x", [], {}, [None], {"a": 1}, "é😀", 10**400, 1e308])
def test_wrong_types_are_evaluation_errors(function: Any, value: Any) -> None:
    wanted = len(function.parameters)
    for count in (0, wanted, wanted + 1):
        text = f"{function.name}({', '.join(['@'] * count)})"
        error = failure_of(lambda text=text: evaluate(text, value))  # type: ignore[misc]
        assert error is None or (error.message and isinstance(error, EvaluationError))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('contains(`[{"a": [1]}]`, `{"a": [1.0]}`)', True),
        ("contains(`[[1, 2]]`, `[1, 2]`)", True),
        ("contains(`[[1, 2]]`, `[2, 1]`)", False),
        ("contains(`[1]`, `true`)", False),
        ("contains('text', `[]`)", False),
    ],
)
def test_contains_compares_lists_and_maps(text: str, result: bool) -> None:
    assert evaluate(text) is result


# --- times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("time_now()", "2023-11-14T23:13:20+01:00"),
        ("time_now_utc()", "2023-11-14T22:13:20Z"),
        ("time_since('', '2023-11-14T22:13:19Z', '')", "1s"),
        ("time_since('2006-01-02', '2023-11-14', '')", "22h13m20s"),
        ("time_since('2006-01-02', '2023-11-14', '2023-11-15')", "24h0m0s"),
        ("time_parse('1445', '1680000000')", "2023-03-28T10:40:00Z"),
        ("time_add(time_now_utc(), '-13m20s')", "2023-11-14T22:00:00Z"),
        ("time_to_cron(time_now_utc())", "13 22 14 11 2"),
        ("time_between(time_now(), '2023-11-14T22:13:20Z', '2024-01-01T00:00:00Z')", False),
    ],
)
def test_times_use_the_clock_that_was_handed_in(text: str, result: Any) -> None:
    assert evaluate(text) == result


@pytest.mark.parametrize(
    "text", ["time_now()", "time_now_utc()", "time_since('', '2023-11-14T22:13:19Z', '')"]
)
def test_without_a_clock_there_is_no_time(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, None, NOTHING_OUTSIDE)
    assert caught.value.code == "no-clock"


# --- random ---------------------------------------------------------------------------------------------

EXPRESSIONS = [
    "[a-z]{8}", "[0-9]{6}", "abc", "a|b|c", "(foo|bar)-[0-9]+", "x?y*z+", "[^a-z]{3}", "[[:alpha:]_]{5}",
    "a{2,4}",
    r"\.\*\x41", "^a.c$", "[]a]{4}", "[a-]{4}", "((a|b){2}c?){3}", "[[:^digit:]]{4}", "[[:punct:]]", "", "()",
]  # fmt: skip


@pytest.mark.parametrize("expression", [text for text in EXPRESSIONS if text])
def test_random_texts_match_their_expression(expression: str) -> None:
    import re2  # type: ignore[import-untyped]

    world = Environment(random=random.Random(7))
    for _ in range(50):
        text = evaluate("random(@)", expression, world)
        assert re2.fullmatch(expression, text), (expression, text)


def test_random_texts_follow_their_source() -> None:
    first = [evaluate("random('[a-z]{8}')", None, Environment(random=random.Random(3))) for _ in range(2)]
    assert first[0] == first[1]
    world = Environment(random=random.Random(3))
    assert evaluate("random('[a-z]{8}')", None, world) != evaluate("random('[a-z]{8}')", None, world)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "no pattern provided"),
        (r"\d", "invalid escape sequence: `\\d`"),
        ("(?:a)", "missing argument to repetition operator: `?`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("(", "missing closing ): `(`"),
        (")", "unexpected ): `)`"),
        ("[a", "missing closing ]: `[a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(" * 100 + ")" * 100, "expression nests too deeply"),
        ("x" * 5000, "expression too large"),
    ],
)
def test_bad_expressions_for_random(expression: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("random(@)", expression)
    assert message in caught.value.message


def test_without_a_source_nothing_is_random() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("random('a')", None, NOTHING_OUTSIDE)
    assert caught.value.code == "no-random-source"


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "result"),
    [
        ("nginx", "docker.io/nginx:latest"),
        ("docker.io/nginx", "docker.io/nginx:latest"),
        ("docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("ghcr.io/nginx:1.2", "ghcr.io/nginx:1.2"),
        ("localhost/app", "localhost/app:latest"),
        ("reg:5000/a/b@sha256:" + "0" * 64, "reg:5000/a/b@sha256:" + "0" * 64),
        ("a/b:1@sha256:" + "0" * 64, "docker.io/a/b@sha256:" + "0" * 64),
    ],
)
def test_image_normalize(image: str, result: str) -> None:
    assert evaluate("image_normalize(@)", image) == result


def test_image_normalize_with_another_default_registry() -> None:
    world = Environment(default_registry="reg.example")
    assert evaluate("image_normalize('app')", None, world) == "reg.example/app:latest"


@pytest.mark.parametrize("image", ["", "UPPER/x:", "a b", "x" * 1000])
def test_image_normalize_refuses_what_is_no_reference(image: str) -> None:
    with pytest.raises(
        EvaluationError, match=r"JMESPath function 'image_normalize': bad image: .*invalid reference"
    ):
        evaluate("image_normalize(@)", image)


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("http://127.0.0.1", False),
        ("http://172.16.1.1", False),
        ("http://10.1.1.1:8080/path?q#f", False),
        ("https://user:pw@192.168.1.3/", False),
        ("http://[fd12:3456:789a:1::1]", False),
        ("http://[::1]", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("http://8.8.8.8", True),
        ("//8.8.8.8/x", True),
        ("http://[2001:db8::ff00:42:8329]", True),
        ("http://localhost", False),
        ("http://LOCALHOST.:80/", False),
        ("http://app.localhost/", False),
    ],
)
def test_is_external_url(url: str, result: bool) -> None:
    assert evaluate("is_external_url(@)", url) is result


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "example.com", "", "http://", "8.8.8.8", "http://2130706433/",
        "http://0x7f.1/",
        "http://127.0.0.01/", "http://[fe80::1%25eth0]/", "http://8.8.8.8@example.com/",
        "http://a b/", "mailto:x@y",
        "http://\uff11\uff12\uff17.0.0.1/",
    ],
)  # fmt: skip
def test_is_external_url_never_resolves_names(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(EvaluationError, match="names are not looked up"):
        evaluate("is_external_url(@)", url)


# --- encodings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a: 1\nb: [x, yes, 2.5]\n", {"a": 1, "b": ["x", True, 2.5]}),
        ("- 1\n- null", [1, None]),
        ('{"a": {"b": "c"}}', {"a": {"b": "c"}}),
        ("just text", "just text"),
        ("", None),
        ("&a [1]", [1]),
        ("a: &x 1\nb: *x", {"a": 1, "b": 1}),
    ],
)
def test_parse_yaml(text: str, result: Any) -> None:
    assert evaluate("parse_yaml(@)", text) == result


BILLION_LAUGHS = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
)


@pytest.mark.parametrize(
    "text",
    [
        "a: [", "a: 1\na: 2", "\ta: 1", "[" * 500 + "]" * 500, "a: !!python/object:x y", "\x00", "a: .nan",
        BILLION_LAUGHS,
    ],
)  # fmt: skip
def test_parse_yaml_refuses(text: str) -> None:
    with pytest.raises(EvaluationError, match="JMESPath function 'parse_yaml'"):
        evaluate("parse_yaml(@)", text)


def test_bytes_that_are_no_text_survive_between_functions_only() -> None:
    assert evaluate("base64_encode(base64_decode('/w=='))") == "/w=="
    assert evaluate("sha256(base64_decode('/w=='))").startswith("a8100ae6aa1940d0b663bb31cd466142")
    assert evaluate("base64_decode('/w==')") == "\ufffd"
    assert evaluate("[base64_decode('/w==')]", {}) == ["\ufffd"]
    assert evaluate("to_string([base64_decode('/w==')])", {}) == '["\ufffd"]'
    assert evaluate("regex_match('^.$', base64_decode('/w=='))") is True


@given(st.binary(max_size=40))
def test_base64_round_trip(data: bytes) -> None:
    import base64

    text = base64.b64encode(data).decode()
    assert evaluate("base64_encode(base64_decode(@))", text) == text


# --- certificates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in X509.items() if "ok" in case])
def test_certificates_decode_as_in_go(name: str) -> None:
    assert normal(evaluate("x509_decode(@)", X509[name]["pem"])) == normal(X509[name]["ok"])


@pytest.mark.parametrize("name", [name for name, case in X509.items() if "ok" not in case])
def test_what_is_no_rsa_certificate_is_an_error(name: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("x509_decode(@)", X509[name]["pem"])
    if not caught.value.message.startswith("x509: malformed"):
        assert caught.value.message == X509[name]["error"]


def test_negative_serial_numbers_are_errors() -> None:
    name = next(name for name, case in X509.items() if "ok" in case and "REQUEST" not in case["pem"])
    der = bytearray(ssl.PEM_cert_to_DER_cert(X509[name]["pem"]))
    place = der.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    der[place] |= 0x80
    with pytest.raises(EvaluationError) as caught:
        evaluate("x509_decode(@)", ssl.DER_cert_to_PEM_cert(bytes(der)))
    assert caught.value.message == "x509: negative serial number"


@given(st.binary(max_size=60), st.sampled_from(["CERTIFICATE", "CERTIFICATE REQUEST", "X"]))
def test_damaged_certificates_are_errors(data: bytes, kind: str) -> None:
    import base64

    pem = f"-----BEGIN {kind}-----\n{base64.b64encode(data).decode()}\n-----END {kind}-----\n"
    with pytest.raises(EvaluationError):
        evaluate("x509_decode(@)", pem)


# --- texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("to_upper('straße')", "STRAßE"),
        ("to_lower('ÀÉ')", "àé"),
        ("equal_fold('ÀÉ', 'àé')", True),
        ("equal_fold('ß', 'ss')", False),
        ("equal_fold('K', 'k')", True),
        ("truncate('héllo', `2`)", "hé"),
        ("split('añb', '')", ["a", "ñ", "b"]),
        ("length('añb')", 3.0),
        ("reverse('añb')", "bña"),
        ("trim('¡hola!', '¡!')", "hola"),
        ("regex_replace_all('ñ', 'añb', '[$0]')", "a[ñ]b"),
        ("pattern_match('a?b', 'añb')", True),
        ("compare('é', 'z')", 1),
    ],
)
def test_unicode(text: str, result: Any) -> None:
    assert evaluate(text) == result


@given(st.text(max_size=12), st.text(alphabet="ab.*$1{}", max_size=6))
def test_literal_replacement_is_that_of_python(text: str, replacement: str) -> None:
    escaped = re.sub(r"\\", r"\\\\", replacement)
    expected = re.sub("a+", escaped, text)
    data = {"t": text, "r": replacement}
    assert evaluate("regex_replace_all_literal('a+', t, r)", data) == expected


def test_expressions_of_texts_are_bounded() -> None:
    with pytest.raises(EvaluationError, match="expression too large"):
        evaluate("regex_match(@, 'x')", "a" * 5000)
    with pytest.raises(EvaluationError, match="error parsing regexp"):
        evaluate("regex_match('(?=a)', 'x')")
