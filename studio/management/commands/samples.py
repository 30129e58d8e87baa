from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studio.actions import samples
from studio.errors import StudioError


class Command(BaseCommand):
    help = (
        "Make the sample: a model, its data, an endpoint and one finished job. Does nothing where it exists."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            samples.make_samples(say=self.stdout.write)
        except StudioError as error:
            raise CommandError(str(error)) from error
