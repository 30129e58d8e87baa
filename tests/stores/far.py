from typing import Any, NamedTuple

from studio.stores import Store, store_of


class Place(NamedTuple):
    """A datastore behind a network, on a server of the tests."""

    kind: str
    options: dict[str, Any]
    secrets: dict[str, str]

    def store(self, **options: Any) -> Store:
        return store_of(self.kind, {**self.options, **options}, self.secrets)
