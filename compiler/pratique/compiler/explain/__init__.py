"""Plans for people: what a policy set asks, in which order, for which rules, at what cost, and of whom not.

    descriptions  one line for each kind of question
    stages        the order in which kinds of questions are asked
    explanation   the decision graph of a policy set with all that is said about it
    pruning       how many images each glob leaves
    reasons       why a rule applies to a resource, or why not

Pure: renderers are in the runtime (`outputs/explain*`), and so is what measures (`explaining`).
"""
