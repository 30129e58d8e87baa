#!/usr/bin/env python
import os
import sys

from studio.env import SettingError
from studio.errors import StudioError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed here. Start with “make run”, or use the environment it made: .venv/bin/python."
        )
    try:
        execute_from_command_line(sys.argv)
    except (SettingError, StudioError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
