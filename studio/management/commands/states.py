from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from studio.models import Deployment, Job, MiniBatch, Registration, Trial
from studio.models.states import Stateful

HEAD = """# States

Printed from the tables in `studio/models/` by `python manage.py states`; `make check` fails when it is out of date.
"""


def diagram(model: type[Stateful]) -> str:
    lines = [f"\n## {model._meta.verbose_name.capitalize()}\n", "```mermaid", "stateDiagram-v2"]  # type: ignore[union-attr]
    statuses = list(model.MOVES)
    lines.append(f"    [*] --> {statuses[0]}")
    for status, following in model.MOVES.items():
        lines += [f"    {status} --> {to}" for to in statuses if to in following]
        if not following:
            lines.append(f"    {status} --> [*]")
    return "\n".join([*lines, "```", ""])


class Command(BaseCommand):
    help = "Draw the states of jobs, mini-batches, deployments, trials and registrations into docs/states.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether the drawing is up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        text = HEAD + "".join(diagram(model) for model in (Job, MiniBatch, Deployment, Trial, Registration))
        file = settings.BASE_DIR / "docs" / "states.md"
        if not options["check"]:
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            raise CommandError("docs/states.md is out of date. Run: python manage.py states")
