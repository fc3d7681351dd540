"""Label selectors, as Kubernetes reads them."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.maybe import Maybe, every, opposite
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, child, elements, scalar, scalars

_PREFIX_OF_KUBERAY = "ray.io/"


@frozen
class Expression:
    """One of matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...]


@frozen
class Selector:
    """What a selector asks of labels. One that asks nothing holds for all."""

    labels: dict[str, Value]
    expressions: tuple[Expression, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it asks nothing."""
        return not self.labels and not self.expressions

    def holds(self, labels: Mapping[str, str]) -> Maybe:
        """Whether it holds for these labels. Labels of KubeRay that are not among them may be there at run time."""
        told = [_has(labels, key, (value.text,)) for key, value in self.labels.items()]
        return every([*told, *(_expressed(e, labels) for e in self.expressions)])


def _has(labels: Mapping[str, str], key: str, values: tuple[str, ...]) -> Maybe:
    if key in labels:
        return labels[key] in values
    return None if key.startswith(_PREFIX_OF_KUBERAY) else False


def _expressed(expression: Expression, labels: Mapping[str, str]) -> Maybe:
    key, operator = expression.key, expression.operator
    if operator in ("Exists", "DoesNotExist"):
        there: Maybe = key in labels or (None if key.startswith(_PREFIX_OF_KUBERAY) else False)
        return there if operator == "Exists" else opposite(there)
    if operator in ("In", "NotIn"):
        inside = _has(labels, key, expression.values)
        return inside if operator == "In" else opposite(inside)
    return None


def read_selector(doc: Document, node: yaml.Node | None) -> Selector:
    """Read a selector with matchLabels and matchExpressions. Raises ShapeError."""
    if node is None:
        return Selector({})
    expressions = []
    for item in elements(child(node, "matchExpressions")):
        key, operator = scalar(doc, item, "key"), scalar(doc, item, "operator")
        values = (Value(v.value, v, doc) for v in elements(child(item, "values")) if isinstance(v, yaml.ScalarNode))
        if key and operator:
            expressions.append(Expression(key.text, operator.text, tuple(v.text for v in values)))
    return Selector(scalars(doc, child(node, "matchLabels")), tuple(expressions))
