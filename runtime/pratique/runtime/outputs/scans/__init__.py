"""Reports of scans, written piece by piece: there may be more results than memory."""
