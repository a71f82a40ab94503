"""The page of verdicts: what was decided, about which images, why, and who signed what."""
