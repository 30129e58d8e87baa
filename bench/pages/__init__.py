"""How long the pages take with many rows: `make bench-pages`."""
