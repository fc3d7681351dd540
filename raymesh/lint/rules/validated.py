"""RM082: what KubeRay's operator, or its CRD, refuses of a spec: it makes nothing of such an object.

Read from controllers/ray/utils/validation.go of ray-operator 1.3.0 to 1.6.1, and the enumerations of their CRDs. What
hangs on a feature gate of the operator is left out. tests/unit/lint/test_validated.py holds it to answers of KubeRay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.clusters import FAULT_TOLERANT
from raymesh.manifests.durations import nanoseconds
from raymesh.manifests.objects import Cluster, Group, version_of
from raymesh.manifests.reading import Document, parse
from raymesh.manifests.relating import World
from raymesh.manifests.surroundings import CLUSTER_LABEL
from raymesh.manifests.tree import Value, child, elements, pairs, picked, scalar, scalars
from raymesh.ports import Version

_TOKENS_SINCE, _CLUSTER_TOKENS_SINCE = Version(2, 52), Version(2, 55)
_STORAGE_NAMESPACE = "ray.io/external-storage-namespace"
_SECOND_AUTOSCALER = "RAY_enable_autoscaler_v2"
_OPTIONS = "gcsFaultToleranceOptions"
_REDIS, _REDIS_PASSWORD, _REDIS_USER = "RAY_REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_USERNAME"
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAMES = {"RayCluster": 53, "RayJob": 47, "RayService": 47}  # those of its clusters have a suffix of 6
_NUMBERS = frozenset(("minReplicas", "maxReplicas", "idleTimeoutSeconds"))
_RESOURCES = ("num-cpus", "num-gpus", "memory", "resources")
_INCREMENTAL = "NewClusterWithIncrementalUpgrade"
_UPGRADES = {"RayCluster": ("Recreate", "None"), "RayService": ("NewCluster", _INCREMENTAL, "None")}
_WORDS = (
    (("authOptions", "mode"), ("disabled", "token")),
    (("autoscalerOptions", "version"), ("v1", "v2")),
    (("autoscalerOptions", "upscalingMode"), ("Default", "Aggressive", "Conservative")),
)
_INITIALIZING = "ray.io/initializing-timeout"
_CRON_WORD = re.compile(r"(TZ=|CRON_TZ=)\S+\s+")
_CRON_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_CRON_PART = re.compile(
    r"(?P<first>\*|\?|[0-9]{1,9}|[a-zA-Z]+)(-(?P<last>[0-9]{1,9}|[a-zA-Z]+))?(/(?P<step>[0-9]{1,9}))?"
)
_CRON_FIELDS = (  # lowest, highest, names
    (0, 59, ""),
    (0, 23, ""),
    (1, 31, ""),
    (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    (0, 6, "sun mon tue wed thu fri sat"),
)
_MOST_PERCENT = 100


class _Refusal(NamedTuple):
    where: Value
    message: str
    cure: str


@rule("RM082", Severity.ERROR, "spec that KubeRay refuses")
def rm082(world: World) -> Iterator[Hit]:
    """The operator checks names and options of a spec, and makes nothing of it where one can't be."""
    for cluster in world.objects.clusters:
        for found in _refusals(cluster):
            yield Hit(at(found.where), f"{found.message}: KubeRay refuses it", found.cure)


def _refusals(cluster: Cluster) -> Iterator[_Refusal]:
    yield from _name(cluster)
    yield from _words(cluster)
    yield from _tokens(cluster)
    yield from _groups(cluster)
    yield from _autoscaler(cluster)
    yield from _redis(cluster)
    if cluster.kind == "RayJob":
        yield from _job(cluster, child(cluster.root, "spec"))
    elif cluster.kind == "RayCronJob":
        yield from _schedule(cluster)
        yield from _job(cluster, child(cluster.root, "spec", "jobTemplate"))
    elif cluster.kind == "RayService":
        yield from _service(cluster, child(cluster.root, "spec"))


def _name(cluster: Cluster) -> Iterator[_Refusal]:
    longest = _LONGEST_NAMES.get(cluster.kind)
    told = scalar(cluster.doc, cluster.root, "metadata", "name")
    if longest is None or told is None:
        return  # generateName: the API server makes the rest of it
    if len(told.text) > longest:
        yield _Refusal(
            told, f"the name of {cluster.kind} {told.text} has {len(told.text)} characters", f"{longest} of them"
        )
    if not _NAME.fullmatch(told.text):
        yield _Refusal(
            told,
            f"the name of {cluster.kind} {told.text} is no name of a Service, which the head gets from it",
            "lower-case letters, digits and inner dashes, a letter first",
        )


def _keys(node: yaml.Node) -> set[str]:
    """What a mapping says anything of: few clusters use the options that are looked for."""
    return {str(key.value) for key, _ in pairs(node)}


def _words(cluster: Cluster) -> Iterator[_Refusal]:
    given = _keys(cluster.spec)
    for path, words in (one for one in _WORDS if one[0][0] in given):
        told = scalar(cluster.doc, cluster.spec, *path)
        if told is not None and told.text not in words:
            yield _Refusal(told, f"{'.'.join(path)} {told.text!r} of {cluster.name.text}", " or ".join(words))
    if cluster.kind == "RayCluster" and "upgradeStrategy" not in given:
        return
    holder = cluster.spec if cluster.kind == "RayCluster" else child(cluster.root, "spec")
    told = scalar(cluster.doc, holder, "upgradeStrategy", "type")
    allowed = _UPGRADES.get(cluster.kind)
    if told is not None and allowed and told.text not in allowed:
        yield _Refusal(told, f"upgradeStrategy.type {told.text!r} of {cluster.name.text}", ", ".join(allowed))


def _tokens(cluster: Cluster) -> Iterator[_Refusal]:
    if "authOptions" not in _keys(cluster.spec):
        return
    told, name = cluster.auth_mode, cluster.name.text
    by_cluster = scalar(cluster.doc, cluster.spec, "authOptions", "enableK8sTokenAuth")
    version = version_of(cluster.ray_version)
    if told is not None and told.text == "token" and (version is None or version < _TOKENS_SINCE):
        yield _Refusal(
            told,
            f"{name} asks for tokens, which Ray has from {_TOKENS_SINCE} on, and "
            + (f"says rayVersion {version}" if version else "does not say its rayVersion"),
            f"rayVersion {_TOKENS_SINCE} or newer, with such images",
        )
    if by_cluster is None or not by_cluster.true:
        return
    what = f"enableK8sTokenAuth of {name}"
    if told is None or told.text != "token":
        yield _Refusal(by_cluster, f"{what} without authOptions.mode token", "authOptions.mode: token")
    elif version is not None and _TOKENS_SINCE <= version < _CLUSTER_TOKENS_SINCE:
        yield _Refusal(by_cluster, f"{what} with rayVersion {version}", f"rayVersion {_CLUSTER_TOKENS_SINCE} or newer")
    secret = scalar(cluster.doc, cluster.spec, "authOptions", "secretName")
    if secret is not None and secret.text:
        yield _Refusal(secret, f"{what} beside authOptions.secretName", "one of the two")
    if cluster.kind != "RayCluster":
        yield _Refusal(by_cluster, f"enableK8sTokenAuth in {cluster.kind} {name}", "take it out")


def _groups(cluster: Cluster) -> Iterator[_Refusal]:
    for group in cluster.groups:
        where = f"group {group.name} of {cluster.name.text}"
        params, given = _params(group), _keys(group.node)
        resources = child(group.node, "resources") if "resources" in given else None
        if isinstance(resources, yaml.MappingNode) and resources.value:
            for name in _RESOURCES:
                if name in params and params[name].text:
                    yield _Refusal(
                        params[name], f"{name} in rayStartParams beside `resources` of {where}", "one of them"
                    )
                    break
        if "labels" in params:
            yield _Refusal(params["labels"], f"`labels` in rayStartParams of {where}", "`labels` of the group itself")
        if group.role == "worker" and given & _NUMBERS:
            yield from _replicas(cluster, group, where)


def _params(group: Group) -> dict[str, Value]:
    """Its rayStartParams, which the operator checks even where the container's own command goes before them."""
    return scalars(group.doc, child(group.node, "rayStartParams")) if group.own_command else group.params


def _replicas(cluster: Cluster, group: Group, where: str) -> Iterator[_Refusal]:
    told = picked(group.doc, group.node, _NUMBERS)
    numbers = {name: _whole(value) for name, value in told.items()}
    for name, value in told.items():
        if (numbers[name] or 0) < 0:
            yield _Refusal(value, f"{name} {value.text} of {where}", "0 or more")
    least, most = numbers.get("minReplicas"), numbers.get("maxReplicas")
    if least is not None and most is not None and least > most:
        yield _Refusal(told["minReplicas"], f"minReplicas {least} above maxReplicas {most} of {where}", "the other way")
    idle = told.get("idleTimeoutSeconds")
    if idle is not None and not _second_autoscaler(cluster):
        yield _Refusal(
            idle, f"idleTimeoutSeconds of {where} without the second autoscaler", "autoscalerOptions.version: v2"
        )


def _second_autoscaler(cluster: Cluster) -> bool:
    switch = cluster.head.environment.get(_SECOND_AUTOSCALER) if cluster.head else None
    return cluster.autoscaler_version == "v2" or (switch is not None and switch.text in ("1", "true"))


def _scales(cluster: Cluster) -> bool:
    return cluster.autoscaling is not None and cluster.autoscaling.true


def _autoscaler(cluster: Cluster) -> Iterator[_Refusal]:
    name, head = cluster.name.text, cluster.head
    value = head.environment.get(_SECOND_AUTOSCALER) if head else None
    if value is not None and value.text in ("1", "true") and not _scales(cluster):
        yield _Refusal(
            value,
            f"{_SECOND_AUTOSCALER} in the head of {name}, which does not scale by itself",
            "enableInTreeAutoscaling: true, or take the variable out",
        )
    options = child(cluster.spec, "autoscalerOptions")
    idle = scalar(cluster.doc, options, "idleTimeoutSeconds") if options is not None else None
    if idle is not None and (_whole(idle) or 0) < 0:
        yield _Refusal(idle, f"autoscalerOptions.idleTimeoutSeconds {idle.text} of {name}", "0 or more")
    if not _scales(cluster):
        return
    switch = head.variables.get(_SECOND_AUTOSCALER) if head else None
    if switch is not None and cluster.autoscaler_version:
        yield _Refusal(
            switch,
            f"{name} has autoscalerOptions.version, and {_SECOND_AUTOSCALER} beside it",
            f"no {_SECOND_AUTOSCALER}",
        )
    for group in cluster.groups:
        rests = scalar(group.doc, group.node, "suspend") if group.role == "worker" else None
        if rests is not None and rests.true:
            yield _Refusal(rests, f"group {group.name} of {name} rests, and the autoscaler is on", "one of the two")
        if cluster.autoscaler_version == "v2" and group.restart is not None and _restarts(group.restart):
            yield _Refusal(
                group.restart,
                f"restartPolicy {group.restart.text} of group {group.name} in {name} with the second autoscaler",
                "restartPolicy: Never, or none",
            )


def _restarts(policy: Value) -> bool:
    return policy.text not in ("", "Never")


def _redis(cluster: Cluster) -> Iterator[_Refusal]:
    """What says the same as gcsFaultToleranceOptions, or needs it."""
    head, name = cluster.head, cluster.name.text
    options = isinstance(child(cluster.spec, "gcsFaultToleranceOptions"), yaml.MappingNode)
    variables = head.variables if head else {}
    params = _params(head) if head else {}
    tolerant = cluster.annotations.get(FAULT_TOLERANT)
    if not options and (tolerant is None or tolerant.text.lower() != "true") and _REDIS in variables:
        yield _Refusal(variables[_REDIS], f"{_REDIS} in the head of {name}, and no gcsFaultToleranceOptions", _OPTIONS)
    user = variables.get(_REDIS_USER) or params.get("redis-username")
    if user is not None and user.text:
        yield _Refusal(user, f"the user of Redis in the head of {name}", f"{_OPTIONS}.redisUsername")
    if not options:
        return
    beside = f"beside gcsFaultToleranceOptions of {name}"
    for key in (FAULT_TOLERANT, _STORAGE_NAMESPACE):
        if key in cluster.annotations and cluster.annotations[key].text:
            yield _Refusal(cluster.annotations[key], f"annotation {key} {beside}", "take it out")
    if "redis-password" in params and params["redis-password"].text:
        yield _Refusal(params["redis-password"], f"redis-password {beside}", f"{_OPTIONS}.redisPassword")
    for variable in (_REDIS, _REDIS_PASSWORD):
        if variable in variables:
            yield _Refusal(variables[variable], f"{variable} {beside}", f"take it out, use {_OPTIONS}")


def _job(cluster: Cluster, spec: yaml.Node | None) -> Iterator[_Refusal]:
    doc, name = cluster.doc, cluster.name.text
    ends = scalar(doc, spec, "shutdownAfterJobFinishes")
    shuts = ends is not None and ends.true
    rests = scalar(doc, spec, "suspend")
    if rests is not None and rests.true and not shuts:
        yield _Refusal(rests, f"suspend of {name} without shutdownAfterJobFinishes", "shutdownAfterJobFinishes: true")
    lives = scalar(doc, spec, "ttlSecondsAfterFinished")
    if lives is not None and (number := _whole(lives)):
        if number < 0:
            yield _Refusal(lives, f"ttlSecondsAfterFinished {lives.text} of {name}", "0 or more")
        elif not shuts:
            yield _Refusal(
                lives,
                f"ttlSecondsAfterFinished of {name} without shutdownAfterJobFinishes",
                "shutdownAfterJobFinishes: true",
            )
    for field in ("activeDeadlineSeconds", "preRunningDeadlineSeconds"):
        told = scalar(doc, spec, field)
        if told is not None and (number := _whole(told)) is not None and number <= 0:
            yield _Refusal(told, f"{field} {told.text} of {name}", "1 or more")
    tries = scalar(doc, spec, "backoffLimit")
    told = scalar(doc, spec, "submissionMode")
    mode = told.text if told else ""
    yield from _selected(cluster, spec, mode)
    yield from _deletion(cluster, spec, shuts=shuts)
    if tries is not None and (number := _whole(tries)):
        if number < 0:
            yield _Refusal(tries, f"backoffLimit {tries.text} of {name}", "0 or more")
        elif mode == "InteractiveMode":
            yield _Refusal(tries, f"backoffLimit of {name} in InteractiveMode", "take it out")
    if mode == "SidecarMode":
        yield from _in_sidecar(cluster, spec)
    needs = scalar(doc, spec, "runtimeEnvYAML")
    if needs is not None and not _is_mapping(needs.text):
        yield _Refusal(needs, f"runtimeEnvYAML of {name} is no mapping in YAML", "key: value, one a line")


def _deletion(cluster: Cluster, spec: yaml.Node | None, *, shuts: bool) -> Iterator[_Refusal]:
    """What becomes of the cluster after the job; the field is behind a feature gate before KubeRay 1.6."""
    given, doc, name = child(spec, "deletionStrategy"), cluster.doc, cluster.name.text
    if not isinstance(given, yaml.MappingNode):
        return
    where = Value("", given, doc)
    rules = elements(child(given, "deletionRules"))
    ends = [scalar(doc, given, end, "policy") for end in ("onSuccess", "onFailure")]
    if not rules and None in ends:
        yield _Refusal(where, f"deletionStrategy of {name} without deletionRules", "deletionRules")
    if rules and (shuts or child(given, "onSuccess") is not None or child(given, "onFailure") is not None):
        beside = "shutdownAfterJobFinishes" if shuts else "onSuccess or onFailure"
        yield _Refusal(where, f"deletionRules of {name} beside {beside}", "one of them")
    selected = bool(pairs(child(spec, "clusterSelector")))
    for told in (*ends, *(scalar(doc, one, "policy") for one in rules)):
        if told is None:
            continue
        if selected and told.text in ("DeleteCluster", "DeleteWorkers"):
            yield _Refusal(told, f"{told.text} of {name} beside clusterSelector", "DeleteSelf or DeleteNone")
        if told.text == "DeleteWorkers" and _scales(cluster):
            yield _Refusal(told, f"DeleteWorkers of {name} with Ray's autoscaler", "DeleteCluster")
        if told.text == "DeleteNone" and shuts and not rules:
            yield _Refusal(told, f"DeleteNone of {name} beside shutdownAfterJobFinishes", "one of the two")


def _selected(cluster: Cluster, spec: yaml.Node | None, mode: str) -> Iterator[_Refusal]:
    """A job for a cluster that runs already."""
    given, name = child(spec, "clusterSelector"), cluster.name.text
    if given is None or not pairs(given):
        return
    where = Value("", given, cluster.doc)
    chosen = scalar(cluster.doc, given, CLUSTER_LABEL)
    if chosen is None or not chosen.text:
        yield _Refusal(where, f"clusterSelector of {name} names no cluster", f"{CLUSTER_LABEL}: NAME")
    if mode == "SidecarMode":
        yield _Refusal(where, f"clusterSelector of {name} in SidecarMode", "another submissionMode")
    for field in ("suspend", "backoffLimit"):
        told = scalar(cluster.doc, spec, field)
        if told is not None and (told.true or (_whole(told) or 0) > 0):
            yield _Refusal(told, f"{field} of {name} beside clusterSelector", "one of the two")


def _in_sidecar(cluster: Cluster, spec: yaml.Node | None) -> Iterator[_Refusal]:
    """The submitter then is a container of the head's pod."""
    name, head = cluster.name.text, cluster.head
    for field in ("submitterPodTemplate", "submitterConfig"):
        given = child(spec, field)
        if given is not None:
            yield _Refusal(Value("", given, cluster.doc), f"{field} of {name} in SidecarMode", "take it out")
    restart = head.restart if head else None
    if restart is not None and _restarts(restart):
        yield _Refusal(restart, f"restartPolicy {restart.text} of the head of {name} in SidecarMode", "Never")


def _service(cluster: Cluster, spec: yaml.Node | None) -> Iterator[_Refusal]:
    doc, name = cluster.doc, cluster.name.text
    given = cluster.head_service
    if given is not None and given.name is not None and given.name.text:
        yield _Refusal(given.name, f"headService of RayService {name} has a name of its own", "take metadata.name out")
    delay = scalar(doc, spec, "rayClusterDeletionDelaySeconds")
    if delay is not None and (_whole(delay) or 0) < 0:
        yield _Refusal(delay, f"rayClusterDeletionDelaySeconds {delay.text} of {name}", "0 or more")
    kind = scalar(doc, spec, "upgradeStrategy", "type")
    if kind is not None and kind.text == _INCREMENTAL:
        yield from _incremental(cluster, kind, child(spec, "upgradeStrategy", "clusterUpgradeOptions"))
    timeout = cluster.annotations.get(_INITIALIZING)
    if timeout is not None and timeout.text and not _is_duration(timeout.text):
        yield _Refusal(timeout, f"{_INITIALIZING} {timeout.text!r} of {name}", "a duration such as 5m, or seconds")


def _incremental(cluster: Cluster, kind: Value, options: yaml.Node | None) -> Iterator[_Refusal]:
    what = f"{_INCREMENTAL} of {cluster.name.text}"
    if not _scales(cluster):
        yield _Refusal(kind, f"{what} without Ray's autoscaler", "enableInTreeAutoscaling: true")
    if options is None:
        yield _Refusal(kind, f"{what} without clusterUpgradeOptions", "clusterUpgradeOptions")
        return
    told = {
        name: scalar(cluster.doc, options, name) for name in ("maxSurgePercent", "stepSizePercent", "intervalSeconds")
    }
    for name in ("maxSurgePercent", "stepSizePercent"):
        number = _whole(told[name])
        if (number is None and name == "stepSizePercent") or (number is not None and not 0 <= number <= _MOST_PERCENT):
            yield _Refusal(told[name] or kind, f"{what} with a {name} that is none", f"0 to {_MOST_PERCENT}")
    if (_whole(told["intervalSeconds"]) or 0) <= 0:
        yield _Refusal(told["intervalSeconds"] or kind, f"{what} without intervalSeconds", "1 or more")
    gateway = scalar(cluster.doc, options, "gatewayClassName")
    if gateway is None or not gateway.text:
        yield _Refusal(gateway or kind, f"{what} without gatewayClassName", "istio, or another class")


def _schedule(cluster: Cluster) -> Iterator[_Refusal]:
    told = scalar(cluster.doc, cluster.root, "spec", "schedule")
    if told is not None and not _is_schedule(told.text):
        yield _Refusal(told, f"schedule {told.text!r} of {cluster.name.text}", "five fields of cron, or @daily")


def _is_schedule(text: str) -> bool:
    """Whether it is what KubeRay's cron takes (ParseStandard of robfig/cron)."""
    zone = _CRON_WORD.match(text)
    plain = text[zone.end() :] if zone else text
    if plain.startswith("@"):
        every = plain.removeprefix("@every ")
        return plain in _CRON_NAMES or (every != plain and nanoseconds(every) is not None)
    fields = plain.split()
    return len(fields) == len(_CRON_FIELDS) and all(
        _is_cron_part(part, names, lowest, highest)
        for field, (lowest, highest, names) in zip(fields, _CRON_FIELDS, strict=True)
        for part in field.split(",")
    )


def _is_cron_part(part: str, names: str, lowest: int, highest: int) -> bool:
    found = _CRON_PART.fullmatch(part)
    if found is None or found["step"] == "0":
        return False
    if found["first"] in ("*", "?"):
        return True
    known = {name: number for number, name in enumerate(names.split(), lowest)}
    ends = [
        known.get(word.lower(), int(word) if word.isdecimal() else -1)
        for word in (found["first"], found["last"])
        if word
    ]
    return lowest <= ends[0] <= ends[-1] <= highest


def _is_duration(text: str) -> bool:
    length = nanoseconds(text)
    if length is not None:
        return length > 0
    return text.isascii() and text.removeprefix("+").isdecimal() and int(text) > 0


def _is_mapping(text: str) -> bool:
    if not text.strip():
        return True
    found = list(parse("", text))
    if not found or not isinstance(found[0], Document):
        return not found
    root = found[0].root  # of several documents the operator reads the first
    return isinstance(root, yaml.MappingNode) or root.tag == "tag:yaml.org,2002:null"


def _whole(value: Value | None) -> int | None:
    """It as a whole number with its sign, None if it is none."""
    if value is None:
        return None
    digits = value.text.removeprefix("-")
    return int(value.text) if digits.isdecimal() and digits.isascii() and len(digits) < 19 else None  # noqa: PLR2004 - an int64
