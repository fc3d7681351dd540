"""Lints Kubernetes manifests of Ray in a mesh against the port contract."""
