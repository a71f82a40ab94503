"""The expression language of Kyverno policies: `{{ variables }}`, JMESPath with its functions, conditions.

    expression.py   one JMESPath expression, compiled once
    context.py      the JSON that variables read, in layers
    variables.py    templates: any JSON with `{{ variables }}` and `$(references)`
    conditions.py   `any`/`all` blocks
    analysis.py     what a document refers to, without evaluating it
    jmespath/       lexer, parser, closures, functions
    operators/      the operators of conditions
    values/         Go's numbers, durations, quantities, versions, times

Nothing here does I/O: clock and random numbers are handed in (`Environment`), and names are never resolved.
Mistakes in a policy are `ExpressionError`s, found when it is compiled; an evaluation raises only
`EvaluationError`s.
"""
