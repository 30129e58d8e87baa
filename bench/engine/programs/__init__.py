"""Programs that run in an environment of the benchmark's own, never in the studio's: they import nothing of either."""
