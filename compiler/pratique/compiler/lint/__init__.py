"""What is wrong with a policy set: rules that prove their claims, or say nothing.

A rule is a file of `rules/`: its docstring is its manual page, its decorated `check` yields problems. `base`
runs them, `facts` is what they ask, `manual` makes pages of their docstrings.
"""
