"""What an SFTP server says of names. They are bytes, and a folder may have 100,000 of them."""

from collections.abc import Iterator
from stat import S_ISDIR, S_ISLNK, S_ISREG
from struct import Struct
from typing import NamedTuple

from paramiko import SFTPAttributes

NUMBER, LONG, TWO = Struct(">I"), Struct(">Q"), Struct(">II")
ALL = Struct(">IQIIIII")  # flags, size, user, group, mode, times: what most servers say of each name
ALL_FLAGS = (
    SFTPAttributes.FLAG_SIZE
    | SFTPAttributes.FLAG_UIDGID
    | SFTPAttributes.FLAG_PERMISSIONS
    | SFTPAttributes.FLAG_AMTIME
)


class Found(NamedTuple):
    """What a server says of a name; 0 what it leaves out."""

    size: int
    mode: int
    mtime: int  # seconds

    @property
    def is_file(self) -> bool:
        return S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        return S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return S_ISLNK(self.mode)


def found_names(data: bytes) -> Iterator[tuple[bytes, Found]]:
    place = NUMBER.size
    for _number in range(NUMBER.unpack_from(data)[0]):
        (length,) = NUMBER.unpack_from(data, place)
        end = place + NUMBER.size + length
        name = data[place + NUMBER.size : end]
        end += NUMBER.size + NUMBER.unpack_from(data, end)[0]  # a line of ls
        found, place = found_at(data, end)
        if name not in (b".", b".."):
            yield name, found


def found_at(data: bytes, place: int) -> tuple[Found, int]:
    """And where it ends."""
    (flags,) = NUMBER.unpack_from(data, place)
    if flags == ALL_FLAGS:
        _flags, size, _user, _group, mode, _atime, mtime = ALL.unpack_from(data, place)
        return Found(size, mode, mtime), place + ALL.size
    place += NUMBER.size
    size = mode = mtime = 0
    if flags & SFTPAttributes.FLAG_SIZE:
        (size,) = LONG.unpack_from(data, place)
        place += LONG.size
    if flags & SFTPAttributes.FLAG_UIDGID:
        place += TWO.size
    if flags & SFTPAttributes.FLAG_PERMISSIONS:
        (mode,) = NUMBER.unpack_from(data, place)
        place += NUMBER.size
    if flags & SFTPAttributes.FLAG_AMTIME:
        _atime, mtime = TWO.unpack_from(data, place)
        place += TWO.size
    if flags & SFTPAttributes.FLAG_EXTENDED:
        (pairs,) = NUMBER.unpack_from(data, place)
        place += NUMBER.size
        for _text in range(2 * pairs):
            place += NUMBER.size + NUMBER.unpack_from(data, place)[0]
    return Found(size, mode, mtime), place
