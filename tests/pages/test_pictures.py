"""Images of data assets and datastores: drawn anew, never given out as they are."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from studio.actions import pictures
from studio.models import DataAssetVersion, Datastore
from studio.stores import open_store
from tests import factories
from tests.stores.https_server import Handler, Server

pytestmark = pytest.mark.django_db


def drawn(format: str = "PNG", size: tuple[int, int] = (400, 200), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1000 if mode.startswith("I") else "red" if mode == "RGB" else 0).save(file, format)
    return file.getvalue()


def images(store: Datastore, **files: bytes) -> DataAssetVersion:
    return factories.data_asset(store, {name.replace("__", "."): content for name, content in files.items()})


def picture_of(client: Client, version: DataAssetVersion, file: str, **query: str) -> Image.Image:
    address = reverse("data:picture", args=[version.asset.name])
    answer = client.get(f"{address}?{urlencode({'file': file, **query})}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    image: Image.Image = Image.open(io.BytesIO(answer.content))
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "GIF"])
def test_every_kind_of_image_is_drawn_small(signed_in: Client, store: Datastore, format: str) -> None:
    suffix = format.lower()
    version = images(store, **{f"a__{suffix}": drawn(format)})
    assert picture_of(signed_in, version, f"a.{suffix}").size == (160, 80)


def test_a_large_one_is_not_made_larger_than_it_is(signed_in: Client, store: Datastore) -> None:
    assert picture_of(signed_in, images(store, a__png=drawn()), "a.png", large="yes").size == (400, 200)


def test_sixteen_bits_keep_their_shades(signed_in: Client, store: Datastore) -> None:
    image = picture_of(signed_in, images(store, a__png=drawn(mode="I;16")), "a.png")
    assert image.convert("L").getpixel((5, 5)) == 1000 // 256


@pytest.mark.parametrize("file", ["broken.png", "gone.png", "../../etc/passwd", "..%2f", "vector.png"])
def test_what_is_no_image_is_a_drawing_of_ours(signed_in: Client, store: Datastore, file: str) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    version = images(store, broken__png=b"\x89PNG\r\n\x1a\nno", vector__png=svg)
    address = reverse("data:picture", args=[version.asset.name])
    answer = signed_in.get(f"{address}?{urlencode({'file': file})}")
    assert answer.status_code in (302, 400, 404)
    if answer.status_code == 302:
        assert "no-picture" in answer["Location"]


def test_an_image_of_too_many_pixels_is_not_decoded(
    signed_in: Client, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 400 * 200 - 1)
    version = images(store, a__png=drawn())
    address = reverse("data:picture", args=[version.asset.name])
    assert signed_in.get(f"{address}?file=a.png").status_code == 302


def test_explore_shows_an_image_and_the_others_beside_it(signed_in: Client, store: Datastore) -> None:
    version = images(store, a__png=drawn(), b__png=drawn(), c__csv=b"x\n1\n")
    page = signed_in.get(reverse("data:explore", args=[version.asset.name])).text
    assert page.count('loading="lazy"') == 2
    assert "large=yes&amp;file=a.png" in page
    assert "which has no columns" not in page


def test_an_image_with_broken_exif_is_no_bug(signed_in: Client, store: Datastore) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, "PNG", exif=b"II*\0")
    version = images(store, a__png=file.getvalue())
    assert signed_in.get(reverse("data:explore", args=[version.asset.name])).status_code == 200
    address = reverse("data:picture", args=[version.asset.name])
    assert signed_in.get(f"{address}?file=a.png").status_code in (200, 302)


def test_explore_says_why_an_image_is_not_shown(signed_in: Client, store: Datastore) -> None:
    version = images(store, a__png=b"\x89PNG\r\n\x1a\nno")
    page = signed_in.get(reverse("data:explore", args=[version.asset.name])).text
    assert "This cannot be read as an image" in page
    assert "large=yes" not in page


def test_browse_shows_an_image(signed_in: Client, store: Datastore) -> None:
    place = Path(store.options["root"], "a b.png")
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(drawn())
    address = reverse("datastores:browse", args=[store.name])
    page = signed_in.get(f"{address}?path=a%20b.png").text
    assert f"{reverse('datastores:picture', args=[store.name])}?large=yes&amp;path=a%20b.png" in page
    answer = signed_in.get(reverse("datastores:picture", args=[store.name]), {"path": "a b.png"})
    assert answer["Content-Type"] == "image/png"


def test_an_image_that_comes_slowly_keeps_no_other_one_waiting(web: Server, store: Datastore) -> None:
    content, is_asked, goes_on = drawn(), threading.Event(), threading.Event()

    def slowly(handler: Handler) -> None:
        start, end = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
        if end > 0:  # not only its first byte, to look at it
            is_asked.set()
            goes_on.wait(20)
        part = content[start : end + 1]
        headers = {"ETag": '"one"', "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}"}
        handler.answer(206, headers, part)

    place = web.put("/slow.png", body=slowly)
    options = {"place": place, "file": "slow.png"}
    far = Datastore(name="address_of_an_image", kind=Datastore.Kind.ADDRESS, options=options)
    open_store(store).write("quick.png", [content])
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(pictures.picture, datastore=far, path="slow.png", side=pictures.SMALL)
        assert is_asked.wait(10)
        quick = threads.submit(pictures.picture, datastore=store, path="quick.png", side=pictures.SMALL)
        try:
            drawn_quickly = quick.result(timeout=5)
        finally:
            goes_on.set()
        assert slow.result(timeout=10) == drawn_quickly
