"""Ways to the witnesses of a borrowed cluster: at the addresses that were given, or through their Services."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests

from raymesh.errors import EnvironmentFault
from raymesh.mesh.found import KINDS, Found
from raymesh.platform.kube import Kube
from raymesh.witness.http import Http, NoAnswer, Recorder
from raymesh.witness.prometheus import Prometheus

OFTEN_SECONDS, SCRAPES = 5.0, 4  # Istio's addon as raymesh installs it scrapes as often; a rate wants a few
NOWHERE = "http://127.0.0.1:9"  # of a witness that is not asked
LOGINS = ("HTTP 401", "HTTP 403")


def ways(
    stack: ExitStack,
    kube: Kube,
    found: Found,
    record: Recorder,
    *,
    addresses: Mapping[str, str],
    tokens: Mapping[str, Path],
    ca: Path | None,
) -> dict[str, Http]:
    """Return the way to each witness, by its name; port-forwards stay open as long as `stack`.

    Raises EnvironmentFault, with a cure, where one does not answer or wants a login.
    """
    return {
        name: way(stack, kube, name, found, record, address=addresses.get(name, ""), token=tokens.get(name), ca=ca)
        for name in KINDS
    }


def way(
    stack: ExitStack,
    kube: Kube,
    name: str,
    found: Found,
    record: Recorder,
    *,
    address: str,
    token: Path | None,
    ca: Path | None,
) -> Http:
    """Return the way to one witness, open as long as `stack`; to nowhere where it was neither given nor found.

    Raises EnvironmentFault, with a cure, where it does not answer or wants a login.
    """
    session = requests.Session()
    if token:
        session.headers["Authorization"] = f"Bearer {token.read_text().strip()}"
    if ca:
        session.verify = str(ca)
    if address:
        return _first(name, [address.rstrip("/")], session, record)
    if name not in found.addons:
        return Http(NOWHERE, record)
    addon = found.addons[name]
    base = stack.enter_context(kube.port_forward(addon.namespace, f"service/{addon.service}", addon.port))
    return _first(name, [base + root for root in KINDS[name].roots], session, record)


def _first(name: str, urls: list[str], session: requests.Session, record: Recorder) -> Http:
    """Return the way at the first of the addresses that answers as this witness does."""
    said = []
    for url in urls:
        http = Http(url, record, session=session)
        try:
            text = http.get(f"{name}-reached", KINDS[name].asked)
        except NoAnswer as error:
            said.append(str(error))
            continue
        if text.lstrip().startswith("{"):  # a page of HTML is a login, or another program
            return http
        said.append(f"{url}{KINDS[name].asked}: no JSON: {text[:80]!r}")
    cure = f"--{name} URL says where it answers, --without {name} that it is not to be asked"
    if any(word in text for text in said for word in LOGINS):
        cure = f"--{name}-token FILE gives it a bearer token; {cure}"
    raise EnvironmentFault(f"{name} does not answer: {'; '.join(said)}", cure)


@dataclass(frozen=True)
class Pace:
    """How many seconds longer evidence is waited for, and rates are looked at over; `told` where it is any longer."""

    seconds: float
    told: str


USUAL = Pace(0.0, "")


def pace(prometheus: Prometheus) -> Pace:
    """Return what a Prometheus needs that scrapes as seldom as this one: a rate wants a few scrapes.

    Of all its active targets the longest interval counts: `scrapeInterval` of /api/v1/targets, Prometheus 2.31 and
    newer; one that does not say it is taken to scrape as often as Istio's own.
    """
    interval = max((target.interval for target in prometheus.targets()), default=0.0)
    if interval <= OFTEN_SECONDS:
        return USUAL
    told = f"Prometheus scrapes every {interval:g} s: evidence is waited for {interval * SCRAPES:g} s longer"
    return Pace(interval * SCRAPES, told)
