"""Short texts and random tests on texts, for comparisons with trying everything."""

from itertools import product
from random import Random

from pratique.compiler import ir

WORDS = tuple("".join(letters) for length in range(5) for letters in product("ab.", repeat=length))
"""Every text of up to four characters out of three."""

_GLOBS = ("*", "?", "a*", "*b", "a*b", "*a*", "??", "?b", "*.*", "*a?", "a", "")
_SEARCHES = (
    "a",
    "^a",
    "b$",
    "^a*$",
    "^[ab]+$",
    "^(?:a|b.)$",
    "a.b",
    r"\.",
    "^$",
    "^.{2,3}$",
    "ab|ba",
    "(?i)^A",
)


def text_test(random: Random) -> ir.Exactly | ir.Glob | ir.Search:
    """Return a test on a text that some short texts pass, as a rule."""
    shape = random.random()
    if shape < 0.35:
        return ir.Exactly(text="".join(random.choices("ab.", k=random.randrange(1, 4))))
    if shape < 0.7:
        made = "".join(random.choices("ab.*?", k=random.randrange(1, 4)))
        return ir.Glob(text=random.choice((*_GLOBS, made)))
    return ir.Search(text=random.choice(_SEARCHES))


def text_tests(random: Random, most: int = 2) -> ir.TextTests:
    """Return up to `most` tests, joined in either way."""
    tests = tuple(text_test(random) for _ in range(random.randrange(most + 1)))
    return ir.TextTests(tests=tests, every=random.random() < 0.6)
