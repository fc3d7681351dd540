"""Which names say that their value is a secret, and which environment variables are known to hold none."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from detect_secrets.plugins.keyword import DENYLIST

# A name is read as words: dbPassword, db-password, DB_PASSWORD and db.password are the same two.
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SEPARATORS = re.compile(r"[^\w]+|_+")
# Passwords in other languages than the library's.
FOREIGN = (
    *("passwort", "kennwort", "contrase[nñ]a", "mot_?de_?passe", "(?<![a-z])senha", "(?<![a-z])parola", "wachtwoord"),
    *(
        "l[oö]senord",
        "adgangskode",
        "salasana",
        "has[lł]o(?![a-z])",
        "пароль",
        "密码",
        "密碼",
        "パスワード",
        "비밀번호",
    ),
)
# The library's list of names, and what it lacks; each also inside a word, as in `clientsecret`.
INSIDE = re.compile(
    "|".join(
        (
            *(*DENYLIST, "token(?!i[sz])", "passphrase", "passcode", "credential", "access_?key", "connection_?string"),
            *(
                r"(?<!by)(?<!com)(?<!sur)(?<!tres)pass$",
                "masterauth",
                *FOREIGN,
                "(?:account|user|storage|shared|rest)_?key",
                "secure_?json_?data",
                "bind_?pw",
                "sess(?:ion)?_?id",
            ),
        )
    )
)
ANYWHERE = {"authorization", "cookie", "cookies", "jwt", "otp", "psk", "dsn", "bearer", "apikey", "authtoken", "hmac"}
LAST = {"pass", "pw", "pin", "auth", "creds", "cred", "signature", "sig", "connstr", "mnemonic", "sas"}
KEYS = {"key", "keys"}
# What stands before `key` where it is one that opens something.
OPENING = {
    "api",
    "access",
    "secret",
    "private",
    "client",
    "encryption",
    "encrypt",
    "decryption",
    "signing",
    "sign",
    "master",
    "account",
    "storage",
    "auth",
    "service",
    "shared",
    "host",
    "ssh",
    "gpg",
    "pgp",
    "deploy",
    "license",
    "db",
    "database",
    "root",
    "admin",
    "app",
    "consumer",
    "webhook",
    "aes",
    "hmac",
    "rsa",
    "dsa",
    "ec",
    "ecdsa",
    "ed25519",
    "ssl",
    "tls",
    "ca",
    "server",
    "session",
    "ticket",
    "csrf",
    "jwt",
    "oauth",
    "django",
    "flask",
    "rails",
    "aws",
    "azure",
    "gcp",
    "openai",
    "wandb",
    "routing",
    "integration",
    "subscription",
    "ingest",
    "ingestion",
    "instrumentation",
    "registration",
    "write",
    "unseal",
    "recovery",
}
PAIRS = {
    ("connection", "string"),
    ("conn", "str"),
    ("conn", "string"),
    ("pass", "phrase"),
    ("pass", "word"),
    *((what, code) for what in ("pin", "recovery", "backup", "otp", "mfa", "fa") for code in ("code", "codes")),
    ("seed", "phrase"),
    ("recovery", "phrase"),
    ("session", "id"),
    ("webhook", "url"),
    ("id", "rsa"),
    ("id", "dsa"),
    ("id", "ecdsa"),
    ("id", "ed25519"),
}
# A name that ends so says something about a secret, or where it is: secretName, tokenFile, password-policy.
ABOUT = {
    "name",
    "names",
    "ref",
    "refs",
    "reference",
    "path",
    "paths",
    "file",
    "filename",
    "dir",
    "directory",
    "type",
    "types",
    "kind",
    "ttl",
    "expiry",
    "expires",
    "expired",
    "expiration",
    "seconds",
    "minutes",
    "interval",
    "timeout",
    "count",
    "length",
    "size",
    "policy",
    "mode",
    "mount",
    "mounts",
    "volume",
    "volumes",
    "namespace",
    "class",
    "config",
    "configs",
    "provider",
    "providers",
    "enabled",
    "disabled",
    "required",
    "optional",
    "version",
    "format",
    "endpoint",
    "issuer",
    "audience",
    "audiences",
    "algorithm",
    "algorithms",
    "resource",
    "resources",
    "lookup",
    "source",
    "sources",
    "field",
    "fields",
    "header",
    "headers",
    "prefix",
    "scope",
    "scopes",
    "manager",
    "store",
    "engine",
    "bucket",
    "limit",
    "limits",
    "rate",
    "fill",
    "review",
    "reviews",
    "request",
    "requests",
    "validation",
    "rotation",
    "backend",
    "driver",
    "server",
    "service",
    "port",
    "role",
    "user",
    "username",
    "socket",
    "match",
    "matcher",
    "extraction",
    "stats",
    "metrics",
    "specifier",
    "state",
    "status",
    "time",
    "update",
    "updated",
    "info",
    "through",
    "method",
    "methods",
    "certificate",
    "certificates",
    "chain",
    "ca",
    "context",
    "sans",
    "uri",
    "uris",
    "url",
    "urls",
    "rule",
    "rules",
}
# Names inside an object that only points to a secret.
POINTING = {"name", "key", "namespace", "kind", "optional", "items", "path", "audience", "group", "id", "api version"}
# Whole files that hold nothing else.
FILES = re.compile(
    r"(?:.*[-_.])?(?:kubeconfig|npmrc|netrc|pypirc|dockercfg|dockerconfigjson|git-credentials|pgpass|htpasswd|shadow)"
    r"|userlist\.txt|users\.acl|.*\.(?:p12|pfx|jks|keystore|ppk|kdbx|kubeconfig)",
    re.IGNORECASE,
)
HEADERS = re.compile(
    r"(?:proxy-)?authorization|(?:set-)?cookie2?|x-(?:api|auth|access|csrf|xsrf|amz-security|vault|gitlab|github)-?"
    r"(?:key|token|user)?|x-[\w-]*(?:token|secret|key|password|auth)(?:-header|-value)?|api-key|apikey",
    re.IGNORECASE,
)
ENV_FILE = re.compile(r"(?:.*\.)?env(?:\.\w+)?", re.IGNORECASE)
COPIES = re.compile(r"last-applied|/applied$|objectset|original-config|rollback-|last-config", re.IGNORECASE)
ENVIRONMENTS = re.compile(
    r"(?:.*(?:[a-z]E|[_-]e|E|^e))nv(?:ironment)?(?:[_-]?[vV]ar(?:iable)?s?)?|environment|ENV", re.ASCII
)
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)

# Environment variables of Kubernetes, Istio (pilot/cmd/pilot-agent, the injection template of 1.21), KubeRay
# (ray-operator/controllers/ray/utils/constant.go) and Ray whose values are public; what is in no list is taken out.
HARMLESS = frozenset(
    [
        "PATH",
        "OUTPUT_CERTS",
        "HOME",
        "HOSTNAME",
        "LANG",
        "LC_ALL",
        "TZ",
        "USER",
        "SHELL",
        "TERM",
        "PWD",
        "SHLVL",
        "PYTHONUNBUFFERED",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "GOMEMLIMIT",
        "GOMAXPROCS",
        "GODEBUG",
        "OMP_NUM_THREADS",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DEBIAN_FRONTEND",
        "XDG_CACHE_HOME",
        "POD_NAME",
        "POD_NAMESPACE",
        "POD_IP",
        "POD_UID",
        "NODE_NAME",
        "HOST_IP",
        "INSTANCE_IP",
        "INSTANCE_IPS",
        "SERVICE_ACCOUNT",
        "CLUSTER_ID",
        "NAMESPACE",
        "MY_POD_NAME",
        "MY_POD_IP",
        "MY_POD_NAMESPACE",
        "MY_NODE_NAME",
        "CPU_LIMIT",
        "MEMORY_LIMIT",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "KUBERNETES_PORT",
        "KUBERNETES_SERVICE_PORT_HTTPS",
        "KUBECONFIG_MODE",
        "PILOT_CERT_PROVIDER",
        "PILOT_TRACE_SAMPLING",
        "PILOT_ENABLE_ANALYSIS",
        "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION",
        "REVISION",
        "TRUST_DOMAIN",
        "CA_ADDR",
        "CA_TRUSTED_NODE_ACCOUNTS",
        "ROOT_CA_DIR",
        "EXTERNAL_CA",
        "ISTIO_BOOTSTRAP_OVERRIDE",
        "PROXY_CONFIG",
        "PROXY_CONFIG_XDS_AGENT",
        "ISTIO_CPU_LIMIT",
        "ISTIO_META_APP_CONTAINERS",
        "ISTIO_META_CLUSTER_ID",
        "ISTIO_META_DNS_CAPTURE",
        "ISTIO_META_DNS_AUTO_ALLOCATE",
        "ISTIO_META_INTERCEPTION_MODE",
        "ISTIO_META_MESH_ID",
        "ISTIO_META_NODE_NAME",
        "ISTIO_META_NETWORK",
        "ISTIO_META_OWNER",
        "ISTIO_META_POD_PORTS",
        "ISTIO_META_WORKLOAD_NAME",
        "ISTIO_METAJSON_ANNOTATIONS",
        "ISTIO_METAJSON_LABELS",
        "ISTIO_KUBE_APP_PROBERS",
        "ISTIO_PROMETHEUS_ANNOTATIONS",
        "ISTIO_VERSION",
        "ISTIO_REVISION",
        "INJECT_ENABLED",
        "VALIDATE_WEBHOOK_CONFIGURATION_NAME",
        "RAY_ADDRESS",
        "RAY_IP",
        "FQ_RAY_IP",
        "RAY_PORT",
        "RAY_CLUSTER_NAME",
        "RAY_CLUSTER_NAMESPACE",
        "RAY_NODE_TYPE_NAME",
        "RAY_POD_NAME",
        "RAY_HEAD_SERVICE_IP",
        "RAY_CLOUD_INSTANCE_ID",
        "RAY_JOB_ID",
        "RAY_JOB_SUBMISSION_ID",
        "RAY_DASHBOARD_ADDRESS",
        "RAY_USE_TLS",
        "RAY_TLS_SERVER_CERT",
        "RAY_TLS_SERVER_KEY",
        "RAY_TLS_CA_CERT",
        "RAY_DISABLE_DOCKER_CPU_WARNING",
        "RAY_VERSION",
        "RAY_HOME",
        "RAY_USAGE_STATS_ENABLED",
        "RAY_USAGE_STATS_EXTRA_TAGS",
        "RAY_USAGE_STATS_KUBERAY_IN_USE",
        "RAY_LOG_TO_DRIVER",
        "RAY_LOG_TO_STDERR",
        "RAY_BACKEND_LOG_LEVEL",
        "RAY_DEDUP_LOGS",
        "RAY_TMPDIR",
        "RAY_RAYLET_PID",
        "RAY_GRAFANA_HOST",
        "RAY_PROMETHEUS_HOST",
        "RAY_PROMETHEUS_NAME",
        "RAY_GRAFANA_IFRAME_HOST",
        "RAY_memory_monitor_refresh_ms",
        "RAY_TIMEOUT_MS_TASK_WAIT_FOR_DEATH_INFO",
        "RAY_GCS_SERVER_REQUEST_TIMEOUT_SECONDS",
        "RAY_SERVE_KV_TIMEOUT_S",
        "RAY_INTERNAL_UPDATE_LOOP_INTERVAL",
        "RAY_external_storage_namespace",
        "RAY_gcs_rpc_server_reconnect_timeout_s",
        "RAY_EXTERNAL_STORAGE_NS",
        "RAYCLUSTER_DEFAULT_REQUEUE_SECONDS_ENV",
        "RAYCLUSTER_DEFAULT_REQUEUE_SECONDS",
        "REDIS_ADDRESS",
        "RAY_REDIS_ADDRESS",
        "NVIDIA_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
        "TPU_WORKER_ID",
        "COLLECTOR_ZIPKIN_HOST_PORT",
        "COLLECTOR_OTLP_ENABLED",
        "SPAN_STORAGE_TYPE",
        "BADGER_EPHEMERAL",
        "MEMORY_MAX_TRACES",
        "QUERY_BASE_PATH",
        "ACTIVE_NAMESPACE",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "LOG_SAMPLING_RATE",
        "LOG_TIME_FIELD_FORMAT",
    ]
)


@lru_cache(50_000)
def is_secret(name: str) -> bool:
    """Tell whether a value of this name is a secret."""
    words = [word.lower() for word in WORDS.findall(name)]
    pair = tuple(words[-2:])
    if not words or (words[-1] in ABOUT and pair not in PAIRS):
        return bool(FILES.fullmatch(name) or HEADERS.fullmatch(name))
    return (
        bool(INSIDE.search("".join(words)) and INSIDE.search("_".join(words)))
        or INSIDE.search(SEPARATORS.sub("_", name.lower())) is not None
        or not ANYWHERE.isdisjoint(words)
        or words[-1] in LAST
        or (words[-1] in KEYS and len(words) > 1 and words[-2] in OPENING)
        or (words[-1] in KEYS and len(words) > 1 and is_variable(name))
        or pair in PAIRS
        or bool(FILES.fullmatch(name))
        or bool(HEADERS.fullmatch(name))
    )


@lru_cache(10_000)
def holds_secrets(name: str) -> bool:
    """Tell whether all values in an object of this name are secrets, but for those that point somewhere."""
    words = [word.lower() for word in WORDS.findall(name)]
    return (
        bool(words)
        and is_secret(name)
        and bool(
            INSIDE.search(words[-1])
            or words[-1] in {*KEYS, "data", "cookie", "cookies"}
            or words[-1] in LAST - {"auth"}
        )
    )


def is_pointing(name: str) -> bool:
    """Tell whether a name inside an object about a secret says which one, not what it is."""
    words = [word.lower() for word in WORDS.findall(name)]
    return " ".join(words) in POINTING or (bool(words) and words[-1] in ABOUT)


def is_variable(name: str) -> bool:
    """Tell whether a name looks like an environment variable's."""
    return VARIABLE.fullmatch(name) is not None


def is_environment(name: str) -> bool:
    """Tell whether an object of this name holds environment variables."""
    if name == "proxyMetadata":  # Istio's: environment variables of the sidecar
        return True
    return ENVIRONMENTS.fullmatch(name) is not None and not name.lower().startswith("runtime")  # Ray's runtime_env


def is_environment_file(name: str) -> bool:
    """Tell whether a file of this name holds environment variables, one a line."""
    return ENV_FILE.fullmatch(name) is not None


def is_environment_object(keys: Collection[object]) -> bool:
    """Tell whether an object with these names is a whole environment, as a process has it."""
    return not {"PATH", "HOME"}.isdisjoint(keys) and all(isinstance(key, str) and is_variable(key) for key in keys)


def is_harmless(variable: str) -> bool:
    """Tell whether an environment variable of this name is known to hold no secret."""
    return variable in HARMLESS
