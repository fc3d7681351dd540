"""What stands for a secret, and the kinds that are counted."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

GONE = "[redacted]"
Taken = Counter[str]
"""How often something was taken out, by kind."""


class Kind(StrEnum):
    """Kinds of what is taken out, as the report names them."""

    SECRET_DATA = "data of Secrets"  # noqa: S105 - words for the report
    CONFIG_DATA = "data of ConfigMaps"
    ENVIRONMENT = "environment values"
    NAMED = "values with a secret's name"
    COPY = "annotations that copy objects"
    LOGIN = "logins of registries and clusters"
    URL = "credentials in URLs"
    PRIVATE_KEY = "private keys"
    TOKEN = "tokens, by their form"  # noqa: S105 - words for the report
    ENCODED = "encoded secrets"
    TWICE = "objects with a name that stands twice"
    UNREADABLE = "objects that can't be read"
