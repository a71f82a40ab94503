"""Claims about policies as a whole: which points a set of rules speaks about, and what it demands there.

A *point* is a resource and one image of it. A rule speaks about a region of points, and demands that the
image carry signatures and statements of certain signers. Every question of lint, explain and diff about whole
rules is one of two:

    points.find       is there a point inside these rules and outside those?
    obligations.implies   does whoever meets these demands meet those too?

Both answer with an example (a resource with an image; a set of signers), with a proof that there is none, or
with `Unknown` and the reason.

    formulas      Boolean formulas over tests on single attributes, searched branch by branch
    attributes    whether one attribute (a name, labels, a kind) can pass some tests and fail others
    points        regions of rules as formulas; the example as a resource that the matcher itself accepts
    identities    texts of issuers and subjects as regular languages
    signers       one signer inside these attestors and outside those
    obligations   implication between demands, and whether one signature can meet them all
    differences   what a change of policies changes, cell by cell

Theory. Tests on different attributes are independent, so a conjunction of tests has a point if and only if
each attribute's share of it can be met; the search goes through the branches of the formula (a tableau), and
each attribute decides its share: finite sets by going through them, texts by the product of automata
(`languages`), labels key by key. Demands are monotone: more signatures never hurt. So an implication fails if
and only if it fails for some smallest set of signatures that meets the premise (a prime implicant with a
choice of signer for each attestor), and of these only the signers that meet as few as possible of the other
side's attestors matter.

Complete fragment: kinds, names, namespaces, operations, labels and annotations by literal keys, images by
globs; identities by literals, globs and RE2 expressions that `languages.regexes` reads; keys and certificates
as opaque names. Outside it (wildcards in label keys, users and roles, conditions over statements, variables)
an example is still an example, but where none is found the answer is `Unknown`.

References: Al-Shaer, Hamed, "Firewall policy advisor" (2003), for the kinds of anomalies; Smullyan,
"First-order logic" (1968), for tableaux; Fisler et al., "Verification and change-impact analysis of
access-control policies" (ICSE 2005), for differences as regions.
"""
