"""Django's settings. Nobody imports this module; `django.conf.settings` is what the code reads."""

from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from studio import env
from studio.embedded import addresses
from studio.embedded.home import PROJECT, make_folder, prepare_home, studio_home
from studio.oidc import passwords_for_all, read_provider

BASE_DIR = PROJECT
STUDIO_HOME = studio_home()
DEBUG = env.boolean("STUDIO_DEBUG", False)
SECRET_KEY = addresses.secret_key()
ALLOWED_HOSTS_FOR_DATA = env.hosts("STUDIO_ALLOWED_HOSTS_FOR_DATA", port=443)
MAX_DOWNLOAD = env.integer("STUDIO_MAX_DOWNLOAD_GB", 10, minimum=1, maximum=10_000) << 30
API_REQUESTS_PER_MINUTE = env.integer("STUDIO_API_REQUESTS_PER_MINUTE", 600, minimum=1, maximum=1_000_000)
CA_FILE = env.file("STUDIO_CA_FILE")
ENCRYPTION_KEY_FILE = Path(
    env.text("STUDIO_ENCRYPTION_KEY_FILE") or STUDIO_HOME / "secrets" / "encryption-keys"
)
WORKSPACE_NAME = env.text("STUDIO_WORKSPACE", "workspace")
ALLOWED_HOSTS = [host.strip() for host in env.text("STUDIO_ALLOWED_HOSTS", "*").split(",")]
PUBLIC_URL = env.url("STUDIO_PUBLIC_URL", schemes=("http", "https"), example="https://studio.example.com")
STUDIO_ADDRESS = PUBLIC_URL or addresses.local_address(bind=addresses.bind(), port=addresses.port())
BEHIND_TLS = PUBLIC_URL.startswith("https://")
MLFLOW_TRACKING_URI = addresses.mlflow_uri()
MLFLOW_IS_EMBEDDED = addresses.embedded_mlflow_uri() == MLFLOW_TRACKING_URI
MLFLOW_ADDRESS = env.without_login(MLFLOW_TRACKING_URI)  # what pages and messages show

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "csp",
    "allauth.account",  # without its pages: the next one needs its tables and its middleware
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "studio",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.middleware.HeadMiddleware",
    "studio.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "studio.middleware.LargeFormMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "studio.middleware.OriginMiddleware",
    "studio.pages.bearer.BearerTokenMiddleware",
    "studio.middleware.LoginRequiredMiddleware",
    "studio.middleware.PreferencesMiddleware",
    "studio.middleware.SecurityHeadersMiddleware",
    "studio.middleware.NoNullBytesMiddleware",
    "studio.middleware.StudioErrorMiddleware",
    "studio.middleware.HtmxResponseMiddleware",
]
ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
_FILES = "django.template.loaders.filesystem.Loader"
_APPS = "django.template.loaders.app_directories.Loader"
_LOADERS = [_FILES, _APPS] if DEBUG else [("django.template.loaders.cached.Loader", [_FILES, _APPS])]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studio.context_processors.shell",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "template_partials.templatetags.partials",
                *(
                    f"studio.templatetags.{name}"
                    for name in ("ui", "commands", "lists", "fields", "formats", "charts", "drafts", "help")
                ),
            ],
            "loaders": [("template_partials.loader.Loader", _LOADERS)],
        },
    }
]
FORM_RENDERER = "studio.forms.renderer.StudioRenderer"

DATABASES = {
    "default": {
        **dj_database_url.parse(addresses.database_url(), conn_max_age=60, conn_health_checks=True),
        "ENGINE": "django.db.backends.postgresql",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["studio.backends.PersonBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_RESET_TIMEOUT = 7 * 86_400  # seconds that the link of an invitation works
# Through which provider people sign in beside their passwords, and who still has a password.
OIDC = read_provider()
PASSWORDS_FOR_ALL = passwords_for_all()
SOCIALACCOUNT_ADAPTER = "studio.pages.oidc.Accounts"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5  # seconds
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
# What people may choose. Texts are in English: half a translation is worse than none, so another language comes with a
# whole one in locale/. How times are written is in studio/formats/.
LANGUAGES = [("en", "English (United States)"), ("en-gb", "English (United Kingdom)")]
FORMAT_MODULE_PATH = "studio.formats"
TIME_ZONE = env.text("STUDIO_TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True
LOCALE_PATHS = [PROJECT / "locale"]

STATIC_URL = "static/"
STATIC_ROOT = STUDIO_HOME / "static"
STATICFILES_DIRS = [PROJECT / "static"]
# The files of a checkout are served as they are: no collectstatic before a start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

FILE_UPLOAD_HANDLERS = [
    "studio.pages.uploads.WholeUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# Uploads go to the datastore in pieces; only what is larger than this touches the disk on its way.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
# Beside the datastore, since /tmp is memory on many machines.
FILE_UPLOAD_TEMP_DIR = make_folder(prepare_home(STUDIO_HOME) / "uploads")
DATA_UPLOAD_MAX_NUMBER_FILES = 500  # each large one holds a file descriptor until the form is done
MODEL_MAX_BYTES = 20 << 30  # of the files of a model that is registered from them, unpacked
UNPACKED_MAX_BYTES = 20 << 30  # of the files in archives that are uploaded at once

SESSION_ENGINE = "studio.sessions"
CSRF_FAILURE_VIEW = "studio.pages.errors.expired"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

CELERY_BROKER_URL = addresses.broker_url()
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"confirm_publish": True}
    if CELERY_BROKER_URL.startswith("amqp")
    else {
        "visibility_timeout": 3600,
        "socket_timeout": 3,
        "socket_connect_timeout": 3,
        "retry_on_timeout": True,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # leases bring lost work back; a message is only a wake-up
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "sweep.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "registry": {"task": "models.follow_registry", "schedule": 5.0, "options": {"expires": 5}},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "azure": {"level": "WARNING"},  # it tells of every request
        "paramiko": {"level": "CRITICAL"},  # what goes wrong it raises too
        "urllib3": {"level": "ERROR"},  # its words hold whole addresses
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
