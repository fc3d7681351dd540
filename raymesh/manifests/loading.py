"""PyYAML's loader on libyaml, which remembers what words mean: manifests say the same few words again and again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

_MOST_WORDS = 1 << 14
_LONGEST = 64  # what is longer is hardly said twice, and would fill the memory
_STRING = "tag:yaml.org,2002:str"
_MAPPING, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=_MOST_WORDS)
def _tag(word: str) -> str:
    """What YAML takes a plain word for: yaml.resolver.BaseResolver.resolve without paths, which nobody adds."""
    known = _Base.yaml_implicit_resolvers
    for tag, pattern in (*known.get(word[:1], ()), *known.get(None, ())):
        if pattern.match(word):
            return str(tag)
    return _STRING


class Loader(_Base):  # type: ignore[misc]  # PyYAML may lack libyaml, so the base is chosen at run time
    """Reads the same trees as its base."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """The tag of a node without one."""
        if kind is not yaml.ScalarNode:
            return _MAPPING if kind is yaml.MappingNode else _SEQUENCE
        if not implicit[0]:
            return _STRING
        if len(value) <= _LONGEST:
            return _tag(value)
        return str(super().resolve(kind, value, implicit))

    def descend_resolver(self, node: yaml.Node | None, index: object) -> None:
        """Nothing: there are no resolvers by path."""

    def ascend_resolver(self) -> None:
        """Nothing: there are no resolvers by path."""
