"""Ray inside an Istio mesh: made, checked and proved."""

__version__ = "0.1.0"
