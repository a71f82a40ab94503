"""Text to typed, positioned documents: no graph, no network, no file access.

`source` and `errors` are the vocabulary of positions and problems. `text` makes bytes a source; `yaml_tree`
makes it positioned nodes, `documents` gives policies their types, and `plain_documents` is the fast way for
resources, whose positions nobody asks for; `limits` bounds all of it. The small languages inside the YAML
(`image_reference`, `kinds`) have a module and a lark grammar each; `wildcard` needs none.
"""

__version__ = "0.1.0"
