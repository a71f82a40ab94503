"""Admission: reviews of the API server in; verdicts with patches and messages out. Fails closed."""
