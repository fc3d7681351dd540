"""What a sidecar of Istio has in the network of a pod."""

from __future__ import annotations

# Istio's documentation, "Ports used by Istio": what a sidecar listens on.
SIDECAR_PORTS = {
    15000: "its admin interface",
    15001: "outbound traffic",
    15002: "its check for used ports",
    15004: "its debug interface",
    15006: "inbound traffic",
    15008: "HBONE",
    15020: "its merged metrics",
    15021: "its health check",
    15053: "DNS",
    15090: "Envoy's metrics",
}
