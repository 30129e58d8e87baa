from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

ICONS = {
    "yaml": "file-code",
    "yml": "file-code",
    "py": "file-code",
    "json": "braces",
    "csv": "file-spreadsheet",
}


def tree_of(files: Iterable[dict[str, Any]], *, address: str, current: str) -> list[dict[str, Any]]:
    """Folders first, as `ui/tree.html` draws them; a file leads to `address` with its path."""
    top: dict[str, Any] = {}
    for file in files:
        folder = top
        *folders, name = file["path"].split("/")
        for part in folders:
            folder = folder.setdefault(f"{part}/", {})
        folder[name] = file
    return _nodes(top, address, current)


def _nodes(folder: dict[str, Any], address: str, current: str) -> list[dict[str, Any]]:
    inside = [
        {"name": name.rstrip("/"), "children": _nodes(content, address, current)}
        for name, content in folder.items()
        if name.endswith("/")
    ]
    files = [
        {
            "name": name,
            "href": f"{address}?{urlencode({'file': file['path']})}",
            "size": file["size"],
            "icon": ICONS.get(name.rpartition(".")[2], "file-text"),
            "current": file["path"] == current,
        }
        for name, file in folder.items()
        if not name.endswith("/")
    ]
    return inside + files
