"""Opens the cache that the options of a server name."""

from __future__ import annotations

from pratique.runtime.shared_cache.address import Address, SharedCacheOptions, read_key
from pratique.runtime.shared_cache.cache import SharedCache
from pratique.runtime.shared_cache.records import Sealer


def open_shared_cache(options: SharedCacheOptions) -> SharedCache:
    """Return the cache; nothing is connected before it is asked.

    Raises:
        UsageError: an option cannot be used.
    """
    return SharedCache(Address.of(options), Sealer(read_key(options.key)))
