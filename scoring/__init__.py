"""The scoring engine: plans, environments, scorers, outputs. It knows nothing of the studio around it."""
