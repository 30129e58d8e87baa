import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
# They are for developers, and import every page: a second of each worker's start, and memory that it never needs.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("studio")
app.config_from_object("django.conf:settings", namespace="CELERY")
