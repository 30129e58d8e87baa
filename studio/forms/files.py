"""Fields for uploaded files."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MOST_PATHS = 1 << 20  # characters


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
    """Several files, or a folder: a browser sends the bare names, so js/uploads.js sends their paths beside them."""

    files = SeveralFilesField(  # type: ignore[assignment]
        label=_("Files"),
        error_messages={"required": _("Choose at least one file.")},
        widget=FilesOrFolderInput(attrs={"data-folders": ""}),
    )
    paths = forms.CharField(required=False, max_length=MOST_PATHS, widget=forms.HiddenInput)

    @property
    def named_files(self) -> list[tuple[str, Any]]:
        """Pairs of the path inside what was chosen and the file; the name where no path was sent."""
        files = self.cleaned_data["files"]
        paths = _paths(self.cleaned_data.get("paths", ""))
        if len(paths) != len(files):
            return [(file.name, file) for file in files]
        return list(zip(_inside(paths), files, strict=True))


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
