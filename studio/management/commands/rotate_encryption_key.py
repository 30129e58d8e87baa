from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from studio import sealing
from studio.actions.datastores import reseal_credentials


class Command(BaseCommand):
    help = (
        "Seal the datastores' credentials with a new key. The old keys stay in the file, so that nodes on other "
        "machines go on until they have the new file; --drop-old ends that."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drop-old", action="store_true", help="make no new key; remove all but the first from the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["drop_old"]:
            sealing.add_key()
        count = reseal_credentials()
        said = f"The credentials of {count} datastores are sealed with the first key."
        if options["drop_old"]:
            said += f" {sealing.drop_old_keys()} old keys are removed from the file."
        else:
            said += " Copy the key file to the other machines, then run this again with --drop-old."
        self.stdout.write(said)
