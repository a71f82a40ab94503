"""Renderings of a `Report`: one file a format, pure functions from values to text."""
