"""The only layer that does I/O: registries, Sigstore, files, clusters and the command line."""
