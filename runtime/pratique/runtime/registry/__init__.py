"""Where images live: OCI registries and OCI layout folders, both as `ImageStore`."""
