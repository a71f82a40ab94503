"""The functions of CEL: one library a file, each a tuple of overloads or macros."""
