"""The cache that replicas share, on a server that speaks the protocol of Valkey and Redis."""
