"""The page of a running server: what it has judged lately, and by which policies. It only reads."""
