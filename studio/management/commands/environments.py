from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from studio.actions.node_files import Kept, environments_here, models_here, remove_unneeded


class Command(BaseCommand):
    help = (
        "List the environments and model files that nodes keep on this machine, and what needs them. Deployments, "
        "and jobs that are not finished, need them; whatever is missing is made again when it is needed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--remove-unused", action="store_true", help="remove those that nothing needs; asks first"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        environments, models = environments_here(), models_here()
        self._list("Environments", environments)
        self._list("Model files", models)
        if options["remove_unused"]:
            unused = [kept for kept in (*environments, *models) if not kept.needed_by]
            self._remove(unused, asks=not options["yes"])

    def _list(self, title: str, found: list[Kept]) -> None:
        self.stdout.write(f"{title}: {len(found)}, {_size(found)}")
        for kept in found:
            self.stdout.write(f"  {_line(kept)}  {', '.join(kept.needed_by) or 'needed by nothing'}")

    def _remove(self, unused: list[Kept], *, asks: bool) -> None:
        if not unused:
            self.stdout.write("There is nothing to remove.")
            return
        self.stdout.write(f"To be removed: {_size(unused)}")
        for kept in unused:
            self.stdout.write(f"  {kept.folder.path}")
        if asks and not self._agreed():
            self.stdout.write("Nothing was removed.")
            return
        removed = [kept for kept in unused if remove_unneeded(kept)]
        self.stdout.write(f"Removed: {len(removed)} of {len(unused)}, {_size(removed)}")

    def _agreed(self) -> bool:
        try:
            return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            raise CommandError("Nobody is there to ask. Say --yes to remove them without.") from None


def _line(kept: Kept) -> str:
    used = datetime.fromtimestamp(kept.folder.used_at).strftime("%Y-%m-%d %H:%M")
    return f"{kept.folder.key}  {_size([kept]):>9}  used {used}"


def _size(found: list[Kept]) -> str:
    return filesizeformat(sum(kept.folder.size for kept in found)).replace("\xa0", " ")
