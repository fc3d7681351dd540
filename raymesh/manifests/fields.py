"""What a spec of KubeRay's kinds may hold, down to the pod templates, which are Kubernetes' own.

Read from the CRDs of ray-operator 1.0.0, 1.1.0, 1.2.2, 1.3.2, 1.4.2, 1.5.1 and 1.6.1, in all their API versions, and
joined: a key that any of them knows is known. `podFQDN`, `tlsOptions` and `networkPolicy` are of the releases to come
(https://github.com/ray-project/kuberay/pull/5191 for the first).
"""

from __future__ import annotations

from collections.abc import Mapping

# None: what stands below is not KubeRay's, free, or too small to mistake.
Fields = Mapping[str, "Fields | None"]


def _free(*names: str) -> dict[str, Fields | None]:
    return dict.fromkeys(names)


_UPGRADE = _free("type")
_HEAD: Fields = _free(
    "enableIngress", "headService", "labels", "rayStartParams", "replicas", "resources", "serviceType", "template"
)
_WORKER: Fields = {
    **_free("groupName", "idleTimeoutSeconds", "labels", "maxReplicas", "minReplicas", "numOfHosts", "rayStartParams"),
    **_free("replicas", "resources", "suspend", "template"),
    "scaleStrategy": _free("workersToDelete"),
}
_AUTOSCALER: Fields = {
    **_free("env", "envFrom", "idleTimeoutSeconds", "image", "imagePullPolicy", "resources", "securityContext"),
    **_free("upscalingMode", "version", "volumeMounts"),
}
_CLUSTER: Fields = {
    **_free("enableInTreeAutoscaling", "headServiceAnnotations", "managedBy", "rayVersion", "suspend"),
    **_free("networkPolicy", "podFQDN", "tlsOptions"),
    "authOptions": _free("enableK8sTokenAuth", "mode", "secretName"),
    "autoscalerOptions": _AUTOSCALER,
    "gcsFaultToleranceOptions": _free("externalStorageNamespace", "redisAddress", "redisPassword", "redisUsername"),
    "headGroupSpec": _HEAD,
    "upgradeStrategy": _UPGRADE,
    "workerGroupSpecs": _WORKER,
}
_JOB: Fields = {
    **_free("activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionPolicy", "entrypoint"),
    **_free("entrypointNumCpus", "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata"),
    **_free("preRunningDeadlineSeconds", "runtimeEnv", "runtimeEnvYAML", "shutdownAfterJobFinishes", "submissionMode"),
    **_free("submitterPodTemplate", "suspend", "ttlSecondsAfterFinished"),
    "deletionStrategy": _free("deletionRules", "onFailure", "onSuccess"),
    "rayClusterSpec": _CLUSTER,
    "submitterConfig": _free("backoffLimit"),
}
_SERVICE: Fields = {
    **_free("deploymentUnhealthySecondThreshold", "excludeHeadPodFromServeSvc", "managedBy"),
    **_free("rayClusterDeletionDelaySeconds", "serveConfig", "serveConfigV2", "serveService"),
    **_free("serviceUnhealthySecondThreshold"),
    "rayClusterConfig": _CLUSTER,
    "upgradeStrategy": {
        "clusterUpgradeOptions": _free("gatewayClassName", "intervalSeconds", "maxSurgePercent", "stepSizePercent"),
        "type": None,
    },
}
KINDS: Mapping[str, Fields] = {
    "RayCluster": _CLUSTER,
    "RayCronJob": {**_free("schedule", "suspend"), "jobTemplate": _JOB},
    "RayJob": _JOB,
    "RayService": _SERVICE,
}
