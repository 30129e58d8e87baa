"""How the files of a folder reach us with their paths: Django's own parser keeps of each only its last name."""

import html
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from studio.pages.uploads import PIECE, Whole


class FolderParser(MultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """The path as it came. It is data: model_folders looks at it before anything is written."""
        return "".join(letter for letter in html.unescape(file_name) if letter.isprintable()) or None


class ToDisk(FileUploadHandler):
    """Each file, however small, on the disk and not in memory; none is left where the sender goes away."""

    chunk_size = PIECE
    file: TemporaryUploadedFile | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = TemporaryUploadedFile("file", str(self.content_type), 0, self.charset)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.file
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> TemporaryUploadedFile:
        assert self.file
        done, self.file = self.file, None
        done.seek(0)
        done.size = file_size
        done.path_in_folder = self.file_name  # type: ignore[attr-defined]
        return done


class FolderUpload(FileUploadHandler):
    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - as Django names it
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> Any:
        handler, body = ToDisk(self.request), Whole(input_data, boundary)
        try:
            parsed = FolderParser(META, body, [handler], encoding).parse()  # type: ignore[arg-type]
            body.check()
            return parsed
        finally:
            if handler.file:  # cut off in the middle of it
                handler.file.close()


def takes_folders(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Parses the form with its files' paths. `request.too_many_files` says that it had more than a form may have."""
    guarded = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def parsing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.too_many_files = False  # type: ignore[attr-defined]
        if request.method == "POST":
            request.upload_handlers = [FolderUpload(request)]
            try:
                request.POST  # noqa: B018 - parses it
            except TooManyFilesSent:
                _read_on(request)
                request.too_many_files = True  # type: ignore[attr-defined]
            except (UnreadablePostError, MultiPartParserError):
                return HttpResponse(status=400)  # nobody is there to read it
        # What was too much is only told, not acted on; its token was in the part that nobody read.
        return (view if request.too_many_files else guarded)(request, *args, **kwargs)  # type: ignore[attr-defined]

    return parsing


def _read_on(request: HttpRequest) -> None:
    """A browser shows no answer that comes before it has sent all."""
    try:
        while request.read(PIECE):
            pass
    except OSError:
        pass
