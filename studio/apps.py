from django.apps import AppConfig
from django.db.models.signals import post_migrate


class StudioConfig(AppConfig):
    name = "studio"
    verbose_name = "Scoring Studio"

    def ready(self) -> None:
        # The tasks' names are known in every process that enqueues or runs them.
        from studio import celery, tasks  # noqa: F401
        from studio.actions.people import set_up_roles

        post_migrate.connect(set_up_roles, sender=self)
