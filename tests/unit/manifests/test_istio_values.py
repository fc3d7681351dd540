"""Single values of Istio's objects: each held to what `istioctl validate` 1.31.0 said of it."""

import pytest

from raymesh.manifests.istio_values import (
    can_change,
    is_header,
    is_header_value,
    is_host,
    is_host_or_wildcard,
    is_label_pair,
    is_network,
    wrong_regex,
)


@pytest.mark.parametrize(
    ("text", "taken"),
    [("a.b", True), ("a.b.", True), ("*.a", False), ("a_b", False), ("a..b", False), ("a.5", False), ("", False)],
)
def test_hosts(text: str, taken: bool) -> None:
    assert is_host(text) is taken


@pytest.mark.parametrize(
    ("text", "taken"), [("*", True), ("*.a.b", True), ("*-a.b", True), ("a*.b", False), ("a.*", False), ("", False)]
)
def test_hosts_with_wildcards(text: str, taken: bool) -> None:
    assert is_host_or_wildcard(text) is taken


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("10.0.0.0/8", True),
        ("10.0.0.1/8", True),
        ("fd00::/8", True),
        ("::1", True),
        ("10.0.0.0/33", False),
        ("10.0.0", False),
        ("010.0.0.1", False),
        ("x", False),
        ("1.2.3.4/", False),
        ("1.2.3.4/255.0.0.0", False),
    ],
)
def test_networks(text: str, taken: bool) -> None:
    assert is_network(text) is taken


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [("app", "x", True), ("a.b/c", "", True), ("app", "x*", False), ("a b", "x", False), ("a/b/c", "x", False)],
)
def test_labels(key: str, value: str, taken: bool) -> None:
    assert is_label_pair(key, value) is taken


@pytest.mark.parametrize("text", ["a.*", "(?P<n>x)", r"\d+", "(?i)x", "[[:alpha:]]", r"\pL", "^*", "a{1000}", r"\\1"])
def test_regular_expressions_that_re2_takes(text: str) -> None:
    assert wrong_regex(text) == ""


@pytest.mark.parametrize(
    "text", ["", "(", "*", "a**", "a++", "a|*", "a(?=b)", "(?<!a)b", r"(a)\1", r"a\Z", "a{1001}", "[a", "x" * 1025]
)
def test_regular_expressions_that_re2_does_not_take(text: str) -> None:
    assert wrong_regex(text) != ""


def test_headers() -> None:
    assert [is_header(name) for name in ("x-a", ":path", "@request.auth.claims.x")] == [True, True, True]
    assert [is_header(name) for name in ("", "a b", ":other", "@request.auth.claims")] == [False] * 4
    assert [can_change(name, authority=True) for name in ("x", "Host", ":authority", ":path", "")] == [
        *(True, True, True, False, False)
    ]
    assert [can_change(name, authority=False) for name in ("x", "Host", ":authority")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "taken"), [("a", True), ("%HOSTNAME%", True), ("100%%", True), ("50%", False), ("a%b%c%", False)]
)
def test_header_values(text: str, taken: bool) -> None:
    assert is_header_value(text) is taken
