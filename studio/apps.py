from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "studio"
    verbose_name = "Scoring Studio"

    def ready(self) -> None:
        # The tasks' names are known in every process that enqueues or runs them.
        from studio import celery, tasks  # noqa: F401
