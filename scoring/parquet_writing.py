"""Writes tables as Parquet, in row groups of a size that readers like, whatever the tables have."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSION = "zstd"
ENOUGH_ROWS = 1 << 16
ENOUGH_BYTES = 64 << 20
MOST_TABLES = 1000  # each takes some 5 KB, whatever is in it


class ParquetWriter:
    """Small tables are put together: a row group for each of 100,000 images would take a minute, and their footer more
    room than their predictions. `close()` writes the last ones."""

    def __init__(self, sink: io.RawIOBase, schema: "pa.Schema") -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(sink, schema, compression=COMPRESSION)
        self._held: list[pa.Table] = []
        self._rows = self._bytes = 0

    def write_table(self, table: "pa.Table") -> None:
        import pyarrow as pa

        self._held.append(table)
        if len(self._held) == MOST_TABLES:
            self._held = [pa.concat_tables(self._held).combine_chunks()]
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= ENOUGH_ROWS or self._bytes >= ENOUGH_BYTES:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
        self._held, self._rows, self._bytes = [], 0, 0
