r"""A regular expression that is none.

## What it does

Reports `subjectRegExp` and `issuerRegExp` that do not compile in RE2, with the text of the error.

## Why

Kyverno accepts such a policy without a word and finds out when it verifies an image: every signature is then
refused, or, where another test decides first, the expression is never noticed.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subjectRegExp: "^(release|build@acme\\.example$"
        rekor:
          url: https://rekor.sigstore.dev
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subjectRegExp: "^(release|build)@acme\\.example$"
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

RE2 has no back-references and no look-around; such expressions are reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.identities import identity_leaves
from pratique.compiler.lint.places import of_text
from pratique.compiler.texts import SearchSyntaxError, compile_search


@rule("PRQ026", Severity.ERROR, yields_to=("PRQ025",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the expressions that do not compile."""
    for leaf, signer in identity_leaves(facts):
        for test in (*signer.issuer.tests, *signer.subject.tests):
            if isinstance(test, ir.Search) and (error := _error(test.text)):
                yield Problem(
                    message=f"the expression `{test.text}` does not compile: {error}",
                    location=of_text(leaf.at.location, test.text),
                    label="not RE2",
                    help="see https://github.com/google/re2/wiki/Syntax for what RE2 takes",
                )


def _error(text: str) -> str:
    try:
        compile_search(text)
    except SearchSyntaxError as error:
        return str(error)
    return ""
