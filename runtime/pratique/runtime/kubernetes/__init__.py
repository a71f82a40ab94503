"""A small client of the Kubernetes API: objects as plain JSON, lists by pages, watches that resume.

Own code over the HTTP client that the registry uses anyway: seven verbs are needed of an API that has
thousands of types, and bounds on bytes and time on each, no redirects, no token to another host (R9, R11).
"""
