"""`pratique serve`: joins webhooks, policies, certificates and scans into one process."""
