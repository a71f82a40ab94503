import pytest

from pratique.grammar.documents import read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Source
from tests.support_grammar import codes, place, pointed_at

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: p
spec:
  rules:
    - name: r
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["a/*"]
          attestors:
            - entries:
                - keys: {publicKeys: x}
"""


def errors(old: str, new: str) -> tuple[PolicyError, ...]:
    assert old in POLICY
    found = read_policies(Source("p.yaml", POLICY.replace(old, new)))
    assert bool(found.policies) is not bool(found.errors)
    return found.errors


def only(old: str, new: str) -> PolicyError:
    (error,) = errors(old, new)
    return error


# --- unknown fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "field", "help"),
    [
        ("imageReferences", "imagereferences", "imagereferences", "did you mean `imageReferences`?"),
        ("attestors", "attesters", "attesters", "did you mean `attestors`?"),
        ("attestors", "image_references", "image_references", "did you mean `imageReferences`?"),
        ("keys: {publicKeys", "keys: {publickeys", "publickeys", "did you mean `publicKeys`?"),
        ("  rules:", "  zzz: 1\n  rules:", "zzz", ""),
        ("spec:", "speck: {}\nspec:", "speck", "did you mean `spec`?"),
        (
            "      match:",
            "      imageReferences: []\n      match:",
            "imageReferences",
            "`imageReferences` belongs to spec.rules[].verifyImages[]",
        ),
        (
            "  rules:",
            "  failureAction: Enforce\n  rules:",
            "failureAction",
            "`failureAction` belongs to spec.rules[].verifyImages[] or spec.rules[].validate",
        ),
    ],
)
def test_b22_unknown_fields(old: str, new: str, field: str, help: str) -> None:
    error = only(old, new)
    assert (error.code, pointed_at(error), error.help) == ("unknown-field", field, help)
    assert f"has no field `{field}`" in error.message


def test_b22_names_of_the_models_are_not_names_of_fields() -> None:
    for name in ("verify_images", "api_version", "validation", "cosign_oci11", "ignore_sct"):
        assert only("  rules:", f"  {name}: 1\n  rules:").code == "unknown-field"


def test_b22_a_long_field_is_shortened() -> None:
    error = only("  rules:", f"  {'x' * 5000}: 1\n  rules:")
    assert len(error.message) < 200
    assert len(error.render()) < 600


# --- types ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "pointed", "message", "help"),
    [
        (
            '["a/*"]',
            '"a/*"',
            '"a/*"',
            "`spec.rules[0].verifyImages[0].imageReferences` must be a list, not the text 'a/*'",
            "write each item on a line of its own that starts with `- `",
        ),
        (
            "  rules:",
            '  background: "false"\n  rules:',
            '"false"',
            "`spec.background` must be true or false, not the text 'false'",
            "without quotes: false",
        ),
        (
            "            - entries:",
            '            - count: "2"\n              entries:',
            '"2"',
            "`spec.rules[0].verifyImages[0].attestors[0].count` must be a whole number, not the text '2'",
            "without quotes: 2",
        ),
        (
            "            - entries:",
            "            - count: true\n              entries:",
            "true",
            "`spec.rules[0].verifyImages[0].attestors[0].count` must be a whole number, not the boolean true",
            "",
        ),
        (
            "            - entries:",
            "            - count: 1.5\n              entries:",
            "1.5",
            "`spec.rules[0].verifyImages[0].attestors[0].count` must be a whole number, not the number 1.5",
            "",
        ),
        ("name: r", "name: [r]", "[r]", "`spec.rules[0].name` must be a text, not a list", ""),
        (
            "keys: {publicKeys: x}",
            "keys: x",
            "x",
            "…entries[0].keys` must be a mapping, not the text 'x'",
            "",
        ),
        ("spec:\n", "spec: text\nstatus:\n", "text", "`spec` must be a mapping, not the text 'text'", ""),
        ("[Pod]", "[~]", "~", "…kinds[0]` must be a text, not null", ""),
        ("[Pod]", "[{}]", "{}", "…kinds[0]` must be a text, not a mapping", ""),
    ],
)
def test_b23_wrong_types_are_never_bent(old: str, new: str, pointed: str, message: str, help: str) -> None:
    error = only(old, new)
    assert (error.code, pointed_at(error), error.help) == ("wrong-type", pointed, help)
    assert error.message.endswith(message.lstrip("…"))


@pytest.mark.parametrize("word", ["n", "No", "off", "y", "YES", "on"])
def test_b13_a_boolean_for_a_text_shows_what_was_written(word: str) -> None:
    error = only("name: r", f"name: {word}")
    assert f"(which unquoted `{word}` means)" in error.message
    assert (error.help, pointed_at(error)) == (f'quote it: "{word}"', word)


@pytest.mark.parametrize(
    ("text", "value"), [("1.10", "1.1"), ("017", "15"), ("1_000", "1000"), ("1e3", "1000")]
)
def test_b14_a_number_for_a_text_shows_what_was_written(text: str, value: str) -> None:
    error = only("name: r", f"name: {text}")
    assert f"not the number {value} (which unquoted `{text}` means)" in error.message
    assert error.help == f'quote it: "{text}"'


def test_b14_a_plain_number_needs_no_explanation() -> None:
    assert only("name: r", "name: 12").message == "`spec.rules[0].name` must be a text, not the number 12"


def test_booleans_of_other_spellings_are_booleans() -> None:
    assert errors("  rules:", "  background: no\n  rules:") == ()


# --- values --------------------------------------------------------------------------------------------


def test_choices() -> None:
    error = only("  rules:", "  validationFailureAction: Deny\n  rules:")
    assert (error.code, pointed_at(error)) == ("wrong-value", "Deny")
    assert error.message == (
        "`spec.validationFailureAction` must be `audit`, `enforce`, `Audit` or `Enforce`, not the text 'Deny'"
    )


def test_a_boolean_for_a_choice() -> None:
    error = only("  rules:", "  applyRules: on\n  rules:")
    assert "not the boolean true (which unquoted `on` means)" in error.message
    assert error.help == 'a text in quotes would be "on"'


def test_b25_count_is_at_least_one() -> None:
    error = only("            - entries:", "            - count: 0\n              entries:")
    assert (error.code, pointed_at(error)) == ("wrong-value", "0")
    assert error.message.endswith("must be at least 1, not the number 0")


def test_b30_lengths() -> None:
    error = only("name: r", f"name: {'r' * 64}")
    assert "must have at most 63 characters" in error.message
    assert "of 64 characters" in error.message
    assert only("name: r", "name: ''").message == "`spec.rules[0].name` must not be empty, not the text ''"


# --- missing fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("- name: r\n      match", "- match", (7, 7), "`spec.rules[0]` needs a field `name`"),
        ("metadata:\n  name: p\n", "metadata: {}\n", (3, 1), "`metadata` needs a field `name`"),
        ("metadata:\n  name: p\n", "metadata:\n  name:\n", (3, 1), "`metadata` needs a field `name`"),
        ("metadata:\n  name: p\n", "", (1, 1), "the document needs a field `metadata`"),
        (
            "keys: {publicKeys: x}",
            "keys: {secret: {name: a}}",
            (13, 26),
            "….secret` needs a field `namespace`",
        ),
    ],
)
def test_missing_fields_are_shown_at_their_owner(
    old: str, new: str, where: tuple[int, int], message: str
) -> None:
    error = only(old, new)
    assert (error.code, place(error)) == ("missing-field", where)
    assert error.message.endswith(message.lstrip("…"))


# --- together ------------------------------------------------------------------------------------------


def test_all_mistakes_are_reported_in_the_order_of_the_text() -> None:
    text = POLICY.replace("name: p", "name: P").replace("[Pod]", "Pod").replace("attestors", "attesters")
    found = read_policies(Source("p.yaml", text)).errors
    assert codes(found) == ["wrong-value", "wrong-type", "unknown-field"]
    assert [place(e)[0] for e in found] == [4, 8, 11]


def test_places_in_lists_are_those_of_the_item() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- " + "  ".join(
        POLICY.replace("name: r", "nam: r").splitlines(True)
    )
    unknown, missing = read_policies(Source("p.yaml", text)).errors
    assert pointed_at(unknown) == "nam"
    assert unknown.message == "`spec.rules[0]` has no field `nam`"
    assert missing.message == "`spec.rules[0]` needs a field `name`"
    assert place(missing) == place(unknown)


def test_no_message_is_worded_by_the_validator() -> None:
    text = (
        POLICY.replace("name: p", "name: 5")
        .replace("[Pod]", "7")
        .replace("keys: {", "keys: [")
        .replace("x}", "x]")
    )
    for error in read_policies(Source("p.yaml", text)).errors:
        assert "nput" not in error.message
        assert "valid" not in error.message
