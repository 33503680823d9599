"""How many rows a Parquet file has, from its footer, for small files that may have none.

Layout as in the format's own description (apache/parquet-format: README.md and parquet.thrift; Thrift's compact
protocol): the footer's length and `PAR1` end the file, the third field of FileMetaData is num_rows.
"""

MAGIC = b"PAR1"
NUM_ROWS = 3
TRUE, FALSE, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12


def rows(content: bytes) -> int:
    """Raises ValueError where these are no bytes of a Parquet file."""
    length = int.from_bytes(content[-8:-4], "little")
    if content[-4:] != MAGIC or not 0 < length <= len(content) - 8:
        raise ValueError("not a Parquet file: its footer is missing")
    try:
        return _Compact(content[-8 - length : -8]).number_in_struct(NUM_ROWS)
    except IndexError:
        raise ValueError("not a Parquet file: its footer is cut") from None


class _Compact:
    """Reads on through bytes of the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number_in_struct(self, wanted: int) -> int:
        field = 0
        while (header := self._byte()) != 0:
            field = field + (header >> 4) if header >> 4 else self._number()
            if field == wanted:
                return self._number()
            self._skip(header & 15)
        raise ValueError("not a Parquet file: its footer names no number of rows")

    def _skip(self, kind: int) -> None:
        if kind in INTEGERS:
            self._varint()
        elif kind == BYTE:
            self._at += 1
        elif kind == DOUBLE:
            self._at += 8
        elif kind == BINARY:
            length = self._varint()
            self._at += length
        elif kind in LISTS:
            self._skip_list()
        elif kind == STRUCT:
            while (header := self._byte()) != 0:
                if not header >> 4:
                    self._varint()
                self._skip(header & 15)
        elif kind not in (TRUE, FALSE):
            raise ValueError("not a Parquet file: its footer has a field of unknown kind")

    def _skip_list(self) -> None:
        header = self._byte()
        size = header >> 4 if header >> 4 != 15 else self._varint()  # noqa: PLR2004  15: the size comes apart
        for _ in range(size):
            if header & 15 in (TRUE, FALSE):
                self._at += 1
            else:
                self._skip(header & 15)

    def _number(self) -> int:
        """Zigzag: the sign is the lowest bit."""
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004  the highest bit says that more follows
                return found
            shift += 7

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]
