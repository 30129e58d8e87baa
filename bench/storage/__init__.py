"""Jobs over an object store beside the same jobs over a folder. README of `bench/` says how to read it."""
