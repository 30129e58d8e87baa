"""Refreshes static/vendor from the npm registry: `python manage.py vendor` (needs npm, network)."""

import gzip
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

TABLER = "@tabler/core", "1.6.1"
ICONS = "@tabler/icons", "3.51.0"
INTER = "@fontsource-variable/inter", "5.3.0"
MONO = "@fontsource-variable/jetbrains-mono", "5.3.0"

# fmt: off
# Outline icons that pages may use; `{% icon "name" %}` refuses any other.
ICON_NAMES = [
    "activity", "adjustments-horizontal", "alert-circle", "alert-triangle", "arrow-back-up", "arrow-down",
    "arrow-left", "arrow-narrow-down", "arrow-right", "arrow-up", "at", "ban", "bell", "bolt", "box",
    "box-multiple", "braces", "brand-python", "building-warehouse", "calendar", "chart-bar",
    "chart-histogram", "check", "checks", "chevron-down", "chevron-left", "chevron-right", "chevron-up",
    "circle-check", "circle-dashed", "circle-dot", "circle-minus", "circle-plus", "circle-x", "clipboard",
    "clipboard-check", "clock", "cloud-computing", "cloud-upload", "code", "columns", "copy", "cpu",
    "database", "database-import", "device-desktop", "dots", "dots-vertical", "download", "edit",
    "external-link", "eye", "eye-off", "file", "file-code", "file-spreadsheet", "file-text", "file-zip",
    "filter", "flask", "folder", "folder-open", "git-branch", "hash", "help", "history", "home",
    "hourglass", "id", "info-circle", "key", "layers-subtract", "list", "list-check", "list-details",
    "loader", "loader-2", "lock", "logout", "menu-2", "message", "minus", "moon", "network", "package",
    "pencil", "player-pause", "player-play", "player-stop", "plug-connected", "plug-connected-x", "plus",
    "point", "progress-check", "refresh", "reload", "rocket", "rotate-clockwise", "route", "ruler-2",
    "search", "selector", "server", "server-2", "settings", "share", "shield-check", "shield-lock",
    "sitemap", "square", "square-check", "square-x", "stack-2", "star", "sun", "table", "table-export",
    "tag", "tags", "terminal-2", "transfer", "trash", "trending-up", "upload", "user", "user-circle",
    "users", "variable", "versions", "world", "x", "zoom-in",
]
# fmt: on


def unpack(package: tuple[str, str], scratch: Path) -> Path:
    name, version = package
    npm = shutil.which("npm")
    if npm is None:
        raise CommandError("npm is not on PATH. It is needed only to refresh static/vendor.")
    packed = subprocess.run(
        [npm, "pack", "--silent", f"{name}@{version}"], cwd=scratch, capture_output=True, text=True
    )
    if packed.returncode:
        raise CommandError(f"npm could not fetch {name}@{version}: {packed.stderr.strip()}")
    archive = scratch / packed.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(scratch / archive.stem, filter="data")
    return scratch / archive.stem / "package"


def icon_sprite(source: Path) -> str:
    symbols = []
    for name in sorted(ICON_NAMES):
        path = source / "icons" / "outline" / f"{name}.svg"
        if not path.exists():
            raise CommandError(f"Tabler {ICONS[1]} has no outline icon named {name}.")
        inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", path.read_text(), flags=re.DOTALL)
        inner = inner.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
        body = " ".join(inner.split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


class Command(BaseCommand):
    help = "Fetches the pinned versions of Tabler, its icons and the fonts into static/vendor."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            self.tabler(unpack(TABLER, scratch))
            self.icons(unpack(ICONS, scratch))
            self.font(INTER, unpack(INTER, scratch), "inter")
            self.font(MONO, unpack(MONO, scratch), "jetbrains-mono")

    def fresh(self, folder: str, package: tuple[str, str]) -> Path:
        target = Path(settings.BASE_DIR) / "static" / "vendor" / folder
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        (target / "VERSION").write_text(f"{package[0]} {package[1]}\n")
        self.stdout.write(f"{folder}: {package[0]} {package[1]}")
        return target

    def tabler(self, source: Path) -> None:
        target = self.fresh("tabler", TABLER)
        css = (source / "dist/css/tabler.min.css").read_text()
        # A source map that is not shipped would be a missing file to the hashed static storage.
        css = re.sub(r"/\*# sourceMappingURL=.*?\*/\s*$", "", css)
        (target / "tabler.min.css").write_text(css)
        # Sent instead of the plain file to browsers that take it: a seventh of the bytes.
        (target / "tabler.min.css.gz").write_bytes(gzip.compress(css.encode(), 9, mtime=0))
        # The package names its licence without carrying the text.
        (target / "LICENSE").write_text(MIT.format(holder="2018-2026 The Tabler Authors"))

    def icons(self, source: Path) -> None:
        target = self.fresh("tabler-icons", ICONS)
        (target / "icons.svg").write_text(icon_sprite(source))
        shutil.copy(source / "LICENSE", target)

    def font(self, package: tuple[str, str], source: Path, folder: str) -> None:
        target = self.fresh(folder, package)
        css = (source / "wght.css").read_text()
        (target / f"{folder}.css").write_text(css)
        (target / "files").mkdir()
        for name in sorted(set(re.findall(r"url\(\./files/([^)]+)\)", css))):
            shutil.copy(source / "files" / name, target / "files")
        shutil.copy(source / "LICENSE", target)


MIT = """MIT License

Copyright (c) {holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
