"""Proof with real models in their own environments, which takes too long for `make test`: see `__main__`."""
