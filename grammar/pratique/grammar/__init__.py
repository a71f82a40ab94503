"""Text to typed, positioned documents: no graph, no network, no file access.

`source` and `errors` are the vocabulary of positions and problems; `yaml_tree` reads YAML into positioned
nodes; `documents` gives them types; the small languages inside the YAML (image references, wildcards,
kind selectors) have a module and a lark grammar each.
"""

__version__ = "0.1.0"
