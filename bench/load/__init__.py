"""Many people and programs at once: `make bench-load`."""
