"""All settings. None needs an environment variable; docs/settings.md lists those that are read."""

from __future__ import annotations

import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF

from hitl_site import paths
from hitl_site.data import make_folder, secret_key
from hitl_site.sqlite import SAFE_IN_WAL, journal_mode, version
from hitl_site.version import read_version

env = environ.Env()
HITL_VERSION = read_version()
HITL_CHECKOUT = paths.find_checkout()  # None: installed as a package
HITL_COMMAND = "manage.py" if HITL_CHECKOUT else "hitl-server"  # before `up`, `submit` and others

# --- Where this installation keeps what it writes
HITL_DATA_DIR = make_folder(
    Path(env.str("HITL_DATA_DIR", default="") or paths.find_data_folder()), "HITL_DATA_DIR"
)
HITL_WORKSPACE = make_folder(
    Path(env.str("HITL_WORKSPACE", default="") or HITL_DATA_DIR / "workspace"), "HITL_WORKSPACE"
)
HITL_MAIL_DIR = make_folder(
    Path(env.str("HITL_MAIL_DIR", default="") or HITL_DATA_DIR / "mail"), "HITL_MAIL_DIR"
)

# --- Who may reach it
HTTPS = env.bool("HITL_HTTPS", default=False)  # a proxy in front of us speaks HTTPS
DEBUG = env.bool("HITL_DEBUG", default=False)
SECRET_KEY = env.str("HITL_SECRET_KEY", default="") or secret_key(HITL_DATA_DIR / "secret-key")
# Never "*": the socket's check of the Origin header would be off.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("HITL_ALLOWED_HOSTS", default=[])]

# How much may be sent to views that large texts are meant for; 1 MB to all others, and by strangers.
HITL_MAX_BODY_BYTES = env.int("HITL_MAX_BODY_BYTES", default=32 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = max(HITL_MAX_BODY_BYTES, 1024 * 1024)

# --- Agents and their model
HITL_AGENTS = env.list("HITL_AGENTS", default=[])  # dotted paths of own agents
HITL_LEASE_SECONDS = env.float("HITL_LEASE_SECONDS", default=15.0)
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")  # empty: the demo model answers
HITL_DEMO_MODEL = not OPENAI_API_KEY  # for pages, which say so, and may not import agents
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
OPENAI_MODEL = env.str("OPENAI_MODEL", default="")
OPENAI_RISK_MODEL = env.str("OPENAI_RISK_MODEL", default="")  # judges risks; empty: the same
DEMO = env.bool("DEMO", default=True)  # offer example tasks at the first start

HITL_APPS = [
    "ledger",
    "pages",
    "approvals",
    "escalations",
    "reviews",
    "plans",
    "figures",
    "hitl_agents",
    "dashboard",
]
INSTALLED_APPS = [
    "hitl_site.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "channels",
    *HITL_APPS,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # padded at random, so that lengths tell no secret
    "csp.middleware.CSPMiddleware",
    "dashboard.frame.middleware.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.frame.bodies.BodyLimitMiddleware",
    "dashboard.frame.bodies.FormMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.frame.middleware.DatabaseDownMiddleware",
]

ROOT_URLCONF = "hitl_site.urls"
ASGI_APPLICATION = "hitl_site.asgi.application"
WSGI_APPLICATION = "hitl_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [paths.find_resources("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.frame.context.shell",
            ],
        },
    },
]

# --- Database: SQLite by default, PostgreSQL by DATABASE_URL. Both keep the promise that an
# answered request is on disk. Two clones, or two people in one, do not share a test database.
TEST_DATABASE = "hitl_test_{:08x}{}".format(
    zlib.crc32(bytes(paths.PACKAGE)), env.str("HITL_TEST_DB_SUFFIX", default="")
)
DATABASE: dict[str, Any] = (
    env.db_url("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(HITL_DATA_DIR / "db.sqlite3")}
)
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    JOURNAL = journal_mode(version())
    if JOURNAL != "WAL":
        warnings.warn(
            f"SQLite {version()} is older than {SAFE_IN_WAL}: its WAL mode can corrupt the file, "
            "so the slower DELETE journal is used. Install pysqlite3, or use PostgreSQL.",
            RuntimeWarning,
            stacklevel=1,
        )
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": f"PRAGMA journal_mode={JOURNAL};"
        "PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
    }
    # A file, because tests with threads, sockets and processes open it more than once.
    DATABASE["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"{TEST_DATABASE}.sqlite3")}
else:
    GIVEN = DATABASE.get("OPTIONS", {})
    # Without parallel workers: each question is answered by few rows, found by an index, and to
    # start the workers takes longer. What the URL says comes last, and counts.
    OURS = "-c synchronous_commit=on -c max_parallel_workers_per_gather=0"
    DATABASE["OPTIONS"] = {
        "connect_timeout": 5,
        "application_name": "hitl",
        **GIVEN,
        "options": f"{OURS} {GIVEN.get('options', '')}".strip(),
    }
    DATABASE |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "TEST": {"NAME": TEST_DATABASE}}
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Sign-in. Nobody signs themselves up; administrators make accounts.
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "hitl_site.accounts.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Human in the loop"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # passkeys on http://localhost

# --- The browser
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in ALLOWED_HOSTS]
    ALLAUTH_TRUSTED_PROXY_COUNT = 1

STATIC_URL = "static/"
STATICFILES_DIRS = [paths.find_resources("static")]
# `up` collects and compresses the files into a folder that it names here. Whoever starts a web
# server otherwise has them from where they stand.
STATIC_ROOT = env.str("HITL_STATIC_ROOT", default="") or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_ALLOW_ALL_ORIGINS = False  # our files are for our pages
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/vendor/"  # the version is in the path

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Mail: one .eml file each, unless a server is named
if env.str("EMAIL_URL", default=""):
    EMAIL = env.email_url("EMAIL_URL")
    EMAIL_BACKEND = EMAIL.pop("EMAIL_BACKEND")
    globals().update(EMAIL)
else:
    EMAIL_BACKEND = "hitl_agents.actions.eml_backend.EmlBackend"
EMAIL_TIMEOUT = 30  # seconds; without one a silent mail server would hold a runner for ever
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="agents@localhost")

# --- Logging: everything to stderr, so that commands can print results on stdout
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": env.str("HITL_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # An expected 403, 404, 409, 410 or 412 is an answer, not news.
        "django.request": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
    },
}
