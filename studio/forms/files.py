"""Fields for uploaded files."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MOST_PATHS = 1 << 20  # characters
MOST_SENT = 2 << 20  # characters
MOST_FILES = 5000  # that are sent ahead of one form; js/uploads.js says so before it sends any
MOST_BYTES = 10**15 - 1  # of a file
NO_FILE = _("Choose at least one file.")
UNREADABLE = _("The browser’s list of files cannot be read. Choose them again.")


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesOrFolderInput(SeveralFilesInput):
    takes_folders = True  # js/uploads.js offers to choose or drop one


class SeveralFilesField(forms.FileField):
    """Cleans to a list of uploaded files."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if not files and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return [super(SeveralFilesField, self).clean(file, initial) for file in files]


class FilesForm(forms.Form):
    """Several files, or a folder. js/uploads.js sends them ahead, in pieces, and the form then only names them; a
    program sends them with the form, and their paths beside them."""

    files = SeveralFilesField(  # type: ignore[assignment]
        label=_("Files"), required=False, widget=FilesOrFolderInput(attrs={"data-pieces": ""})
    )
    unpack = forms.BooleanField(
        label=_("Unpack archives"),
        required=False,
        help_text=_(
            "Of .zip, .tar, .tar.gz and .tgz files what is in them is stored, not the files themselves."
        ),
    )
    paths = forms.CharField(required=False, max_length=MOST_PATHS, widget=forms.HiddenInput)
    sent = forms.CharField(required=False, max_length=MOST_SENT, widget=forms.HiddenInput)

    def clean_sent(self) -> list[tuple[str, str]]:
        """Pairs of a path inside what was chosen and the key of the upload."""
        try:
            found = json.loads(self.cleaned_data["sent"] or "[]")
            pairs = [(str(one["path"]), str(one["key"])) for one in found]
        except (ValueError, TypeError, LookupError, RecursionError):
            self.add_error("files", UNREADABLE)
            return []
        if len(pairs) > MOST_FILES or len({key for _path, key in pairs}) < len(pairs):
            self.add_error("files", UNREADABLE)
            return []
        paths = _inside([path for path, _key in pairs])
        return [(path, key) for path, (_path, key) in zip(paths, pairs, strict=True)]

    @property
    def named_files(self) -> list[tuple[str, Any]]:
        """Of those that came with the form."""
        return named(self.cleaned_data["files"], self.cleaned_data.get("paths", ""))

    def check_files(self) -> None:
        given = self.cleaned_data.get("files") or self.cleaned_data.get("sent")
        if not given and "files" not in self.errors:
            self.add_error("files", NO_FILE)


def named(files: Sequence[Any], paths: str) -> list[tuple[str, Any]]:
    """Pairs of the path inside what was chosen, or the name, and the file; `paths` is a list of them, as JSON."""
    found = _paths(paths)
    if len(found) != len(files):
        return [(file.name, file) for file in files]
    return list(zip(_inside(found), files, strict=True))


def _paths(text: str) -> list[str]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        return []
    return found


def _inside(paths: list[str]) -> list[str]:
    """A folder that was chosen whole becomes the asset's own, so its name goes."""
    tops = {path.split("/")[0] for path in paths}
    if len(tops) == 1 and all("/" in path for path in paths):
        return [path.split("/", 1)[1] for path in paths]
    return paths


class BeginForm(forms.Form):
    """What js/uploads.js says of a file before it sends it."""

    name = forms.CharField(max_length=4096, strip=False)
    size = forms.IntegerField(min_value=0, max_value=MOST_BYTES)
    modified = forms.IntegerField()  # milliseconds since 1970
    sample = forms.FileField(required=False, allow_empty_file=True)
