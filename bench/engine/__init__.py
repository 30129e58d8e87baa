"""How fast the scoring engine is, against its peers in the same run. README of `bench/` says how to read it."""
