"""Strategies and a small universe, shared by the tests of languages."""

from itertools import product

from hypothesis import strategies as st

from pratique.compiler.languages.automata import Automaton
from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    Expression,
    both,
    chars,
    concat,
    either,
    literal,
    one_of,
    optional,
    repeat,
)
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.sets import AllOf, AnyOf, NotIn, TextSet

LETTERS = "ab./:@"
MAX_PATH, MAX_TAG = 3, 2


def small_reference(exact: bool) -> Expression:
    """The grammar of references in miniature: `[ab]+.[ab]+ / path (:tag | @aaa|@bbb)`, with upper limits."""
    word = repeat(one_of("ab"), 1)
    host = concat(one_of("ab"), one_of("."), one_of("ab"))
    path = concat(word, repeat(concat(one_of("/"), word)))
    if exact:
        path = both(path, repeat(chars(ALL_CHARACTERS), 1, MAX_PATH))
    tag = concat(one_of("ab"), repeat(one_of("ab."), 0, MAX_TAG - 1 if exact else None))
    digest = either(literal("aaa"), concat(one_of("b"), literal("bb")))
    tail = either(concat(one_of(":"), tag), concat(one_of("@"), digest))
    return concat(host, optional(one_of(":"), one_of("a")), one_of("/"), path, tail)


def _words() -> tuple[str, ...]:
    hosts = [f"{pair[0]}.{pair[1]}{port}" for pair in product("ab", repeat=2) for port in ("", ":a")]
    paths = ["".join(p) for n in range(1, MAX_PATH + 1) for p in product("ab/", repeat=n)]
    paths = [p for p in paths if "//" not in p and p[0] != "/" and p[-1] != "/"]
    tags = [*"ab", *("".join(p) for p in product("ab", "ab."))]
    tails = [f":{tag}" for tag in tags] + ["@aaa", "@bbb"]
    return tuple("".join(parts) for parts in product(hosts, "/", paths, tails))


SMALL = Universe(
    name="small references",
    relaxed=Automaton(small_reference(False)),
    exact=Automaton(small_reference(True)),
    longest=13,
    safe_length=0,
    pieces=lambda text: ("a.b/", "b/a", ":ab", "@aaa") if len(text) % 2 else ("ab",),
    examples=("a.a/b:a",),
)
SMALL_WORDS = _words()
"""Every text of the exact small universe: it is finite."""
assert max(map(len, SMALL_WORDS)) <= SMALL.longest


def small_globs() -> st.SearchStrategy[Glob]:
    """Globs over the alphabet of the small universe, many of them beginnings and ends of its words."""
    loose = st.text(alphabet="ab./:@*?", max_size=9)
    cut = st.builds(
        lambda word, left, right, glue: word[:left] + glue + word[right:],
        st.sampled_from(SMALL_WORDS),
        st.integers(0, 9),
        st.integers(0, 9),
        st.sampled_from(["*", "?", "*?", "?*a*", "*/*", ":*", "*:*", "*@*", ""]),
    )
    return st.builds(Glob.parse, st.one_of(loose, cut))


def text_sets(leaves: st.SearchStrategy[Glob]) -> st.SearchStrategy[TextSet]:
    """Boolean combinations of globs."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda parts: AnyOf(tuple(parts)), st.lists(inner, max_size=3)),
            st.builds(lambda parts: AllOf(tuple(parts)), st.lists(inner, max_size=3)),
            st.builds(NotIn, inner),
        ),
        max_leaves=5,
    )


_HOSTS = (
    "ghcr.io",
    "docker.io",
    "localhost",
    "*.example.com",
    "*",
    "registry.k8s.io",
    "reg:5000",
    "g?cr.io",
    "",
)
_PATHS = ("acme/app", "acme/*", "acme*", "*", "*/app", "a?p", "acme/app*", "*-dev/*", "acme", "**")
_TAILS = (":*", ":v1*", "", "*", "@*", "@sha256:*", ":1.?", ":*-rc", "@sha256:4d3c*", "*:*", ":", "?latest")

IMAGE_PATTERNS = st.one_of(
    st.builds(
        lambda host, path, tail: f"{host}/{path}{tail}",
        st.sampled_from(_HOSTS),
        st.sampled_from(_PATHS),
        st.sampled_from(_TAILS),
    ),
    st.text(alphabet="acme.io/:@*?-_1", max_size=12),
)
"""Patterns such as policies hold, and near misses."""
