"""Sets of texts, above all of image references, about which questions have proofs or witnesses for answers.

A policy names images by patterns: `ghcr.io/acme/*` without `ghcr.io/acme/sandbox*`. Such a region is a
Boolean combination of globs, read inside a *universe*: the texts that can be a canonical reference at all,
`registry/path:tag` or `registry/path@algorithm:hex`. Every question of the analyses is one question:

    is there a text of the universe in this combination?

overlap asks it of `a & b`, inclusion of `b - a`, cover of `whole - (p1 | p2 | ...)`, equivalence of `a ^ b`.
`search.find` answers with a `Witness` (such a text), a `Proof` (there is none), or `Unknown` and why.

    expressions   regular expressions with "and" and "not", and their derivatives
    automata      deterministic automata, made state by state on demand out of an expression
    regexes       RE2 expressions as such expressions
    globs         `*` and `?` as bit sets of positions
    references    the universe of canonical image references
    plausible     what such references look like in practice
    sets          Boolean combinations of globs; regions of policies
    unions        unions of many sets, asked which of them hold a text
    search        the one question, by search through the product of all automata
    fillings      texts of one glob, its runs filled with plausible pieces
    wording       plausible witnesses: `registry.k8s.io/etcd:3.5.6-0` rather than `A/a:a`
    relations     overlap, inclusion, cover, difference, equivalence in terms of the one question
    boxes         globs cut into registry, path and tag or digest
    samples       one pattern by examples: what it matches, and what it just misses
    pairs         overlaps and inclusions among many patterns at once, with filters that are proofs too

Theory. The product of the universe's automaton with the subset automata of all globs is finite and
deterministic; a breadth-first walk of it meets an accepting state if and only if the combination is not
empty, and the walk itself is the proof. Only one character of each class that no automaton involved can tell
apart needs to be tried. A branch is cut where the combination is already false for every continuation, and
taken as found where it is already true and the universe has some continuation.

Large counters. A tag has at most 128 characters and a path at most 255; taken literally they would multiply
the states of every product. So each universe exists twice: *relaxed*, without upper limits, and *exact*. The
relaxed one is a superset, hence its proofs of emptiness hold for the exact one; a witness found in it is
checked against the limits, and only if it breaks one is the search repeated in the exact universe. Digests
keep their exact lengths in both, since a digest cut short is a real mistake of policies; the automaton is
made on demand, so that only questions which reach into the digits pay for them.

Complete fragment. For any Boolean combination of globs of literals, `?`, `*` (any run) and `*` within one
path component, over ASCII, the answer is exact until the budget of states is used up, and then `Unknown`.
Globs with `*` alone never blow up by themselves: position sets are cut at the highest `*` reached, which
leaves one state per position. A `?` after a `*`, and combinations of many globs that start with `*`, may
need exponentially many states, which is when the budget speaks.

References: Owens, Reppy, Turon, "Regular-expression derivatives re-examined", J. Funct. Program. 19 (2009);
Baeza-Yates, Gonnet, "A new approach to text searching", CACM 35 (1992), for the bit sets.
"""
