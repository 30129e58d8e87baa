"""Images of a datastore as people look at them: drawn anew and small, so that no byte of a file reaches a browser."""

import io
import shutil
import tempfile
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from studio.actions.stored_files import find_object, open_object
from studio.embedded.home import locked
from studio.errors import StudioError
from studio.models import Datastore
from studio.stores import StoreAway, reason

SMALL, LARGE = 160, 960  # pixels of the longer side
MOST_BYTES = 64 << 20  # of a file that is looked at
MOST_PIXELS = 100_000_000  # of an image; decoded it takes up to four bytes for each
PIECE = 1 << 20
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF")  # those that jobs score
DEEP = {"I;16": 256, "I;16B": 256, "I;16L": 256}  # what one of 256 shades takes


class NoPicture(StudioError):
    """A file that cannot be shown as an image."""


def picture(*, datastore: Datastore, path: str, side: int) -> bytes:
    """The image at `path` as a PNG whose longer side has at most `side` pixels. Raises NotFound, NoPicture."""
    file = find_object(datastore=datastore, path=path)
    if file.size > MOST_BYTES:
        raise NoPicture(_("This image is too large to be shown here. Download it to look at it."))
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as here:
        # Fetched first: a slow storage keeps nobody else waiting.
        try:
            with open_object(datastore=datastore, path=path) as stream:
                shutil.copyfileobj(stream, here, PIECE)
        except OSError as error:
            cannot = _("This image cannot be read: %(reason)s.") % {"reason": reason(error)}
            raise NoPicture(cannot) from error
        except StoreAway as away:
            raise NoPicture(str(away)) from away
        here.seek(0)
        # One at a time in all web processes: a large one takes up to a gigabyte while it is decoded.
        with locked(settings.STUDIO_HOME / "pictures.lock"):
            return _drawn(here, side)


def _drawn(stream: BinaryIO, side: int) -> bytes:
    try:
        with Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise NoPicture(
                    _("This image has too many pixels to be shown here. Download it to look at it.")
                )
            image.draft("RGB", (side, side))  # JPEG is decoded at about this size at once
            small = _shades(image)
            small.thumbnail((side, side))
            upright = ImageOps.exif_transpose(small)
            drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except NoPicture:
        raise
    except Exception:  # whatever a decoder makes of damaged bytes
        raise NoPicture(_("This cannot be read as an image; it may be damaged, or something else.")) from None
    written = io.BytesIO()
    drawn.save(written, "PNG")
    return written.getvalue()


def _shades(image: Image.Image) -> Image.Image:
    """Of 16 bits, which no browser shows, the upper eight."""
    if image.mode not in DEEP:
        return image
    return image.convert("I").point([value // DEEP[image.mode] for value in range(1 << 16)], "L")
