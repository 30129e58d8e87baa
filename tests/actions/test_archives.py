"""What is unpacked, what is refused of an archive, and that nothing is left of what is refused."""

import io
import random
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from studio.actions import archives
from studio.actions.archives import ArchiveRefused, members_of, unpacked
from studio.actions.data import upload_data_asset
from studio.actions.stored_files import FilesExist, upload_files
from studio.actions.uploads import add_piece, arrived_files, begin_upload
from studio.errors import FieldErrors
from studio.models import DataAsset, Datastore

MOST = 50 << 20
NOISE = random.Random(1).randbytes(3000)


def zipped(files: dict[str, bytes], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def entry(path: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(path)
    made.size = len(content)
    for name, value in fields.items():
        setattr(made, name, value)
    return made, content


def tarred(*entries: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def found(content: bytes, name: str, most: int = MOST) -> dict[str, bytes]:
    members = members_of(SimpleUploadedFile("x", content), name=name, most=most)
    return {member.path: b"".join(member.chunks()) for member in members}


def refusal(content: bytes, name: str, most: int = MOST) -> str:
    with pytest.raises(ArchiveRefused) as refused:
        found(content, name, most)
    return str(refused.value)


def str_of(value: str | bytes) -> str:
    """Archives hold times, names of tests must not."""
    return value if isinstance(value, str) else f"{len(value)} bytes"


FILES = {"a.csv": b"x\n1\n", "sub/b.csv": NOISE}


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "a.tar", "a.tar.gz", "a.tgz"])
def test_each_kind_gives_what_is_in_it(name: str) -> None:
    if name.lower().endswith(".zip"):
        content = zipped({**FILES, "empty/": b""}, compression=zipfile.ZIP_DEFLATED)
    else:
        entries = [entry(path, data) for path, data in FILES.items()]
        mode = "w" if name.endswith(".tar") else "w:gz"
        content = tarred(entry("empty", type=tarfile.DIRTYPE), *entries, mode=mode)
    assert found(content, name) == FILES


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_of_a_tar_are_kept(format: int) -> None:
    name = "folder/" + "x" * 90 + "é.csv"
    assert found(tarred(entry(name, b"x"), format=format), "a.tgz") == {name: b"x"}


def test_what_macos_adds_is_left_out() -> None:
    content = zipped({"m/a.csv": b"x", "__MACOSX/m/._a.csv": b"?", "m/.DS_Store": b"?"})
    assert found(content, "a.zip") == {"m/a.csv": b"x"}


PATHS = ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "C:\\evil.csv", "a\\..\\..\\evil.csv"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leaves_is_refused(path: str) -> None:
    assert "leads out of its folder" in refusal(zipped({"a.csv": b"x", path: b"y"}), "a.zip")
    assert "leads out of its folder" in refusal(tarred(entry("a.csv"), entry(path, b"y")), "a.tgz")


@given(st.lists(st.sampled_from(["..", ".", "a", "", "b"]), min_size=1, max_size=6))
def test_no_path_of_an_archive_leaves(parts: list[str]) -> None:
    path = "/".join(parts)
    try:
        paths = list(found(tarred(entry(path, b"x")), "a.tgz"))
    except ArchiveRefused:
        return
    assert all(part not in ("", ".", "..") for path in paths for part in path.split("/"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "is a link"),
        ({"type": tarfile.LNKTYPE, "linkname": "a.csv"}, "is a link"),
        ({"type": tarfile.CHRTYPE}, "neither a file nor a folder"),
        ({"type": tarfile.BLKTYPE}, "neither a file nor a folder"),
        ({"type": tarfile.FIFOTYPE}, "neither a file nor a folder"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "neither a file nor a folder"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(fields: dict[str, Any], said: str) -> None:
    assert said in refusal(tarred(entry("a.csv", b"x"), entry("b.csv", **fields)), "a.tar.gz")


@pytest.mark.parametrize(
    ("kind", "said"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "neither a file nor")]
)
def test_links_and_devices_in_a_zip_are_refused(kind: int, said: str) -> None:
    odd = zipfile.ZipInfo("b.csv")
    odd.external_attr = (kind | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(odd, "/etc/passwd")
    assert said in refusal(buffer.getvalue(), "a.zip")


def test_what_stands_twice_in_it_is_refused() -> None:
    for twice, said in (
        (["a.csv", "./a.csv"], "Two files have the path “a.csv”"),
        (["a", "a/b"], "“a/b” lies in what is a file too"),
    ):
        assert said in refusal(zipped(dict.fromkeys(twice, b"x")), "a.zip")
        assert said in refusal(tarred(*(entry(path, b"x") for path in twice)), "a.tgz")


def test_too_many_entries_are_refused() -> None:
    names = [f"{number}.csv" for number in range(10_001)]
    assert "more than 10,000 entries" in refusal(zipped(dict.fromkeys(names, b"")), "a.zip")
    assert "more than 10,000 entries" in refusal(tarred(*map(entry, names)), "a.tgz")


def test_what_grows_too_much_is_refused() -> None:
    zeros = bytes(20 << 20)
    for content, name in (
        (zipped({"a.csv": zeros}, compression=zipfile.ZIP_DEFLATED), "a.zip"),
        (tarred(entry("a.csv", zeros)), "a.tgz"),
    ):
        assert "would grow more than 100 times" in refusal(content, name)
        assert "has more than 10" in refusal(content, name, most=10 << 20)


def test_a_tar_whose_headers_are_bombs_fills_no_memory() -> None:
    """tarfile reads a long name, or the fields of pax, at once into memory."""
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
        bomb = tarred(entry("x", bytes(8 << 20), type=kind), entry("a.csv", b"x"), format=tarfile.GNU_FORMAT)
        assert "damaged or cut off" in refusal(bomb, "a.tgz")


def test_a_zip_with_two_ends_is_not_read_by_the_longer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record that zipfile goes by says 2,000 files; what looks like one behind it says 14."""
    monkeypatch.setattr(archives, "MOST_DIRECTORY", 50_000)
    whole = zipped({f"{number:06}.csv": b"a\n" for number in range(2000)})
    start, end = whole.find(b"PK\1\2"), whole.rfind(b"PK\5\6")
    sizes = struct.pack("<QQQQ", 2000, 2000, end - start, start)
    record = b"PK\6\6" + struct.pack("<QHHLL", 44, 45, 45, 0, 0) + sizes
    locator = b"PK\6\7" + struct.pack("<L4sLL", 0, b"PK\6\6", 0, 1)
    last = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, 100, 0, 14) + b"\0" * 14
    assert refusal(whole[:end] + record + locator + last, "a.zip") == (
        "The archive is damaged or cut off. Pack it again."
    )


def long_header(content: bytes) -> bytes:
    """Of a tar, as pax has them."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)


def test_a_tar_whose_header_is_all_digits_keeps_nobody_waiting() -> None:
    began = time.monotonic()
    said = refusal(long_header(b"1" * 50_000) + tarred(entry("a.csv", b"a\n"), mode="w"), "a.tar")
    assert "damaged" in said
    assert time.monotonic() - began < 2  # tarfile itself takes 5 s, and an hour for a megabyte


def test_the_headers_of_a_tar_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_DIRECTORY", 5000)
    header = long_header(b"2009 comment=" + b"c" * 1995 + b"\n")
    assert refusal(header * 3 + tarred(entry("a.csv", b"a\n"), mode="w"), "a.tar")
    assert found(header * 2 + tarred(entry("a.csv", b"a\n"), mode="w"), "a.tar") == {"a.csv": b"a\n"}


def test_a_tar_with_a_negative_size_ends() -> None:
    content = bytearray(tarred(entry("a.csv", b"x"), mode="w"))
    content[124:136] = b"\xff" * 12  # -1, in the notation for large numbers
    field = sum(content[:148]) + 8 * 32 + sum(content[156:512])
    content[148:156] = b"%06o\0 " % field
    assert "damaged or cut off" in refusal(bytes(content), "a.tar")


def test_an_encrypted_zip_is_refused() -> None:
    content = bytearray(zipped({"a.csv": b"x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    assert "encrypted" in refusal(bytes(content), "a.zip")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.zip", "The archive is empty"),
        (b"", "a.tar", "The archive is empty"),
        (b"no zip" * 99, "a.zip", "This is not a zip file"),
        (b"no tar" * 999, "a.tar", "damaged or cut off"),
        (b"no tar" * 999, "a.tgz", "damaged or cut off"),
        (b"\x1f\x8b" + b"x" * 999, "a.tgz", "damaged or cut off"),
        (zipped({}), "a.zip", "There is no file in the archive"),
        (tarred(), "a.tgz", "There is no file in the archive"),
    ],
    ids=str_of,
)
def test_what_is_no_archive_is_said(content: bytes, name: str, said: str) -> None:
    assert said in refusal(content, name)


def broken(content: bytes) -> Iterator[bytes]:
    """Cut off at many places, and with a byte changed at many places."""
    for at in range(1, len(content) - 1, max(1, len(content) // 60)):
        yield content[:at]
        yield content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize("name", ["a.zip", "a.tgz"])
def test_a_damaged_archive_is_refused_or_whole(name: str) -> None:
    entries = [entry(path, data) for path, data in FILES.items()]
    content = zipped(FILES, compression=zipfile.ZIP_DEFLATED) if name == "a.zip" else tarred(*entries)
    refused = 0
    for damaged in broken(content):
        try:
            got = found(damaged, name)
        except ArchiveRefused:
            refused += 1
            continue
        assert sorted(got.values()) == sorted(FILES.values()), "a byte that holds no data was changed"
    assert refused > 60


def test_a_tar_that_was_cut_off_between_its_files_is_refused() -> None:
    content = tarred(*(entry(path, data) for path, data in FILES.items()), mode="w")
    assert "damaged or cut off" in refusal(content[:1024], "a.tar")


# ---- Where archives are uploaded


def asset_of(user: Any, *files: tuple[str, bytes], type: str = "uri_folder", unpack: bool = True) -> Any:
    given = [(name, SimpleUploadedFile(name.rsplit("/", 1)[-1], content)) for name, content in files]
    return upload_data_asset(
        user=user, name="visits", description="", type=type, files=given, unpack=unpack
    ).path


def stored(store: Datastore) -> list[str]:
    root = Path(store.options["root"])
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_data_asset_holds_what_is_in_its_archives(person: Any, store: Datastore) -> None:
    archive = tarred(*(entry(path, data) for path, data in FILES.items()))
    path = asset_of(person, ("c.csv", b"x\n"), ("in/more.zip", zipped({"d.csv": b"x\n"})), ("e.tgz", archive))
    assert stored(store) == [f"{path}/{name}" for name in ("a.csv", "c.csv", "in/d.csv", "sub/b.csv")]
    assert Path(store.options["root"], path, "sub/b.csv").read_bytes() == NOISE


def test_a_data_asset_keeps_archives_that_are_not_to_be_unpacked(person: Any, store: Datastore) -> None:
    path = asset_of(person, ("more.zip", b"anything"), unpack=False)
    assert stored(store) == [f"{path}/more.zip"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "type", "said"),
    [
        (zipped({"../evil.csv": b"x"}), "uri_folder", "leads out of its folder"),
        (zipped({"a.csv": b"x", "b.csv": b"x"}), "uri_file", "takes one file"),
        (
            zipped(FILES).replace(NOISE, NOISE[:-1] + b"?"),
            "uri_folder",
            "“sub/b.csv” in the archive is damaged",
        ),
    ],
    ids=str_of,
)
def test_nothing_is_left_of_an_archive_that_is_refused(
    person: Any, store: Datastore, content: bytes, type: str, said: str
) -> None:
    with pytest.raises(FieldErrors, match=said):
        asset_of(person, ("good.csv", b"x\n"), ("visits.zip", content), type=type)
    assert stored(store) == []
    assert not DataAsset.objects.exists()


def test_archives_together_may_not_have_more_than_the_limit(
    person: Any, store: Datastore, settings: Any
) -> None:
    settings.UNPACKED_MAX_BYTES = 5000
    archives = [(f"{number}.zip", zipped({f"{number}.csv": NOISE})) for number in range(2)]
    asset_of(person, archives[0])
    with pytest.raises(FieldErrors, match="the most that is unpacked here"):
        asset_of(person, *archives)


def test_archives_together_may_not_have_more_files_than_the_limit(
    person: Any, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_TOGETHER", 3)
    asset_of(person, ("a.zip", zipped(FILES)))
    with pytest.raises(FieldErrors, match="more than 3 files together"):
        asset_of(person, ("a/a.zip", zipped(FILES)), ("b/b.zip", zipped(FILES)))


def test_of_many_archives_one_is_open_and_each_goes_on_where_it_was_left(
    person: Any, settings: Any, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    content = {f"{number}.csv": random.Random(number).randbytes(2 << 20) for number in range(3)}
    kinds = {"a.zip": zipped(content), "b.tgz": tarred(*(entry(*one) for one in content.items()))}
    keys = []
    for name, packed in kinds.items():
        begun = begin_upload(user=person, name=name, size=len(packed), modified=1, sample=b"")
        keys.append(begun.key)
        add_piece(user=person, key=begun.key, start=0, read=io.BytesIO(packed).read)
    arrived = arrived_files(user=person, keys=keys)
    found = unpacked(zip(("a/a.zip", "b/b.tgz"), arrived, strict=True), most=1 << 30)
    for (zip_path, from_zip), (tar_path, from_tar) in zip(found[:3], found[3:], strict=True):
        read: list[tuple[bytes, bytes]] = []
        for pieces in zip(from_zip.chunks(), from_tar.chunks(), strict=True):
            read.append(pieces)
            assert len([one for one in psutil.Process().open_files() if str(tmp_path) in one.path]) == 1
        name = zip_path.removeprefix("a/")
        assert tar_path == f"b/{name}"
        assert all(b"".join(pieces) == content[name] for pieces in zip(*read, strict=True))
    arrived[0].close()


def test_a_folder_of_a_datastore_takes_archives(person: Any, store: Datastore) -> None:
    given = {"user": person, "datastore": store, "folder": "in", "replace": False, "unpack": True}
    files = [("visits.zip", SimpleUploadedFile("visits.zip", zipped(FILES)))]
    assert upload_files(**given, files=files) == ["in/a.csv", "in/sub/b.csv"]
    damaged = zipped({**FILES, "sub/b.csv": NOISE, "z.csv": b"1"}).replace(NOISE, NOISE[:-1] + b"?")
    with pytest.raises(FilesExist, match=r"There already: a.csv, b.csv"):
        upload_files(**given, files=[("visits.zip", SimpleUploadedFile("v.zip", zipped(FILES)))])
    with pytest.raises(FieldErrors, match="damaged"):
        upload_files(
            **{**given, "folder": "other"}, files=[("visits.zip", SimpleUploadedFile("visits.zip", damaged))]
        )
    assert stored(store) == ["in/a.csv", "in/sub/b.csv"]
