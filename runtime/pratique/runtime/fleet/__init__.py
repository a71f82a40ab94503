"""One look at all resources of a cluster or inventory: in shards, and taken up where it was interrupted."""
