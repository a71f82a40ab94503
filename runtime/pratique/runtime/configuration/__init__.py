"""Configuration files: `pratique.toml`, or `[tool.pratique]` of `pyproject.toml`."""
