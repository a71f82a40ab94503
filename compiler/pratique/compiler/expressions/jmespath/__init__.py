"""Kyverno's dialect of JMESPath: text -> tokens -> syntax tree -> closure.

    tokens      the lexer
    syntax      the nodes of the tree, each with its place in the text
    parser      tokens -> tree, bounded in nesting
    evaluation  tree -> closure, compiled once
    run         what one evaluation may use: clock, random source, budget
    equality    equality and truth of values
    functions/  the functions, one topic a file

The grammar is that of go-jmespath. The parser of the `jmespath` distribution is not used: its tree has no
positions, it takes literals that Go refuses, and its recursion is unbounded.
"""
