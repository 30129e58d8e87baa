"""What is refused of a model folder, before any of it is stored."""

import io
import stat
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from studio.actions.archives import ArchiveRefused
from studio.actions.model_folders import FolderRefused, members_of_archive, members_of_folder

MLMODEL = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"


def zipped(files: dict[str, str | bytes], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("model.zip", content)


def refusal(content: bytes) -> str:
    def unpack() -> None:
        for member in members_of_archive(upload(content)):
            list(member.chunks())

    with pytest.raises(ArchiveRefused) as refused:
        unpack()
    return str(refused.value)


def test_a_zip_of_the_folder_or_of_its_files_is_taken() -> None:
    for top in ("", "my model/"):
        members = members_of_archive(
            upload(zipped({f"{top}MLmodel": MLMODEL, f"{top}data/model.pkl": b"x" * 9}))
        )
        assert [(member.path, member.size) for member in members] == [
            ("MLmodel", len(MLMODEL)),
            ("data/model.pkl", 9),
        ]
        assert b"".join(members[1].chunks()) == b"x" * 9


def test_what_macos_adds_is_left_out() -> None:
    content = zipped({"m/MLmodel": MLMODEL, "__MACOSX/m/._MLmodel": b"?", "m/.DS_Store": b"?"})
    assert [member.path for member in members_of_archive(upload(content))] == ["MLmodel"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.txt": "x"}, "There is no MLmodel file in the archive"),
        ({"a/b/MLmodel": MLMODEL, "a/c": "x"}, "lies in “b”. Choose that folder"),
        ({}, "There is no file in the archive"),
        ({"MLmodel": "a: [b"}, "it is not YAML"),
        ({"MLmodel": "just text"}, "names no flavors"),
        ({"MLmodel": b"\x80\x81"}, "it is not YAML"),
        ({"MLmodel": MLMODEL, "../evil": "x"}, "leads out of its folder"),
        ({"MLmodel": MLMODEL, "/etc/evil": "x"}, "leads out of its folder"),
        ({"MLmodel": MLMODEL, "C:\\evil": "x"}, "leads out of its folder"),
        ({"MLmodel": MLMODEL, "a\\..\\..\\evil": "x"}, "leads out of its folder"),
        ({"MLmodel": MLMODEL, "a": "x", "a/b": "y"}, "lies in what is a file too"),
        ({"MLmodel": MLMODEL, "a/b": "x", "a/./b": "y"}, "Two files have the path “a/b”"),
    ],
)
def test_each_wrong_zip_has_its_sentence(files: dict[str, str | bytes], said: str) -> None:
    assert said in refusal(zipped(files))


def test_what_is_no_zip_or_half_of_one_is_told_apart() -> None:
    whole = zipped({"MLmodel": MLMODEL, "data": bytes(range(256)) * 400})
    assert "This is not a zip file" in refusal(b"not a zip at all" * 100)
    assert "cut off" in refusal(whole[: len(whole) // 2])
    assert "The archive is empty" in refusal(b"")


def test_a_zip_with_a_damaged_file_is_said() -> None:
    content = bytearray(zipped({"MLmodel": MLMODEL, "data": b"d" * 5000}))
    at = content.index(b"d" * 100)
    content[at + 2000] ^= 0xFF
    assert "“data” in the archive is damaged" in refusal(bytes(content))


def test_a_link_in_a_zip_is_refused() -> None:
    link = zipfile.ZipInfo("passwords")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("MLmodel", MLMODEL)
        archive.writestr(link, "/etc/passwd")
    assert "“passwords” in the archive is a link" in refusal(buffer.getvalue())


def test_an_encrypted_zip_is_refused() -> None:
    content = bytearray(zipped({"MLmodel": MLMODEL}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    assert "encrypted" in refusal(bytes(content))


def test_a_hundred_thousand_entries_are_refused_unread() -> None:
    content = zipped({"MLmodel": MLMODEL, **{f"f{number}": "" for number in range(100_000)}})
    assert "more than 10,000 entries" in refusal(content)


def test_a_zip_that_lies_about_its_entries_is_counted() -> None:
    content = bytearray(zipped({"MLmodel": MLMODEL, **{f"f{number}": "" for number in range(10_001)}}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = b"\x01\x00\x01\x00"
    assert "more than 10,000 entries" in refusal(bytes(content))


def test_a_zip_that_grows_a_thousand_times_is_refused_unpacked() -> None:
    content = zipped({"MLmodel": MLMODEL, "zeros": b"\0" * 50_000_000}, compression=zipfile.ZIP_DEFLATED)
    assert len(content) < 60_000
    assert "would grow more than 100 times" in refusal(content)


def test_more_than_the_limit_is_refused(settings: Any) -> None:
    settings.MODEL_MAX_BYTES = 1000
    assert "more than 1000" in refusal(zipped({"MLmodel": MLMODEL, "data": b"d" * 2000})).replace("\xa0", " ")


def test_a_folder_is_taken_with_its_paths_and_without_its_own_name() -> None:
    files = [("m/MLmodel", MLMODEL.encode()), ("m/code/__init__.py", b""), ("m/a “b” 🚀.txt", b"x")]
    members = members_of_folder([(path, SimpleUploadedFile("file", content)) for path, content in files])
    assert [member.path for member in members] == ["MLmodel", "code/__init__.py", "a “b” 🚀.txt"]


def test_a_folder_without_files_is_refused() -> None:
    with pytest.raises(FolderRefused, match="Choose the model’s folder"):
        members_of_folder([])
