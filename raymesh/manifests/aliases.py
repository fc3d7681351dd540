"""How large a document is once its aliases are replaced by what they stand for."""

from __future__ import annotations

import yaml


def repeated(root: yaml.Node) -> int:
    """Nodes that aliases add to a document; what refers to itself counts once. Takes as long as the text is."""
    sizes: dict[int, int] = {}
    total = _size(root, sizes)
    return total - len(sizes)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    known = sizes.get(id(node))
    if known is not None:
        return known
    sizes[id(node)] = 1  # while it is being counted: a cycle ends here
    total = 1
    if isinstance(node, yaml.MappingNode):
        total += sum(_size(key, sizes) + _size(value, sizes) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        total += sum(_size(value, sizes) for value in node.value)
    sizes[id(node)] = total
    return total
