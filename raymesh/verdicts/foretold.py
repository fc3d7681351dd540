"""What the linter foretells: verdicts that turn red on a cluster where a rule has found something.

By the rules' ids, for verdicts do not know the linter; a unit test holds them to it. A rule that is missing here says
something of which no verdict is the direct answer. Which of them are red depends on what Ray then does: a port that is
not declared may be dialled or not.
"""

from __future__ import annotations

from collections.abc import Mapping

from raymesh.verdicts.catalog import (
    CALLERS,
    CHAINS,
    CROSSED,
    DECLARED,
    EVERY_CALL,
    GRPC_NODE_MANAGER,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    HTTP_AGENT,
    INSIDER_SERVED,
    INTERCEPTED,
    KIALI_LEAKS,
    KIALI_SIDECARS,
    KIALI_TLS,
    KNOWN,
    LISTENING,
    NO_INIT,
    NOTHING_ELSE,
    OUTBOUND,
    PLAINTEXT_REFUSED,
    RAY_TLS_OFF,
    READY,
    REGISTERED,
    SIDECARS,
    WORKED,
    Verdict,
)

CALLS = frozenset((WORKED, CROSSED, GRPC_NODE_MANAGER, GRPC_OBJECT_MANAGER, GRPC_WORKERS, HTTP_AGENT))
GONE = CALLS | {OUTBOUND, INSIDER_SERVED, EVERY_CALL, KIALI_LEAKS}  # a call to it does not find the mesh
UNREAD = CALLS | {DECLARED, INSIDER_SERVED, EVERY_CALL}  # it finds the mesh, and is taken for something else
NAMELESS = GONE | {REGISTERED, READY}
LAX = frozenset((PLAINTEXT_REFUSED, CHAINS, KIALI_TLS, NOTHING_ELSE))

FORETOLD: Mapping[str, frozenset[Verdict]] = {
    **dict.fromkeys(("RM001", "RM004", "RM010", "RM011", "RM084"), GONE),
    **dict.fromkeys(("RM008", "RM009"), UNREAD),
    **dict.fromkeys(("RM013", "RM014", "RM015", "RM016", "RM017", "RM018", "RM019", "RM040", "RM087"), NAMELESS),
    **dict.fromkeys(("RM022", "RM023", "RM028", "RM032", "RM091"), GONE | {LISTENING}),
    "RM007": UNREAD | GONE,
    "RM027": frozenset({KNOWN}),
    "RM029": frozenset({NO_INIT, READY}),
    "RM031": frozenset({RAY_TLS_OFF}),
    "RM033": LAX,
    "RM034": LAX | {INTERCEPTED},
    **dict.fromkeys(("RM035", "RM067", "RM068", "RM070"), frozenset({SIDECARS, KIALI_SIDECARS, READY})),
    **dict.fromkeys(("RM050", "RM051", "RM053"), CALLS | {INSIDER_SERVED, CALLERS}),
    **dict.fromkeys(("RM054", "RM055", "RM056"), CALLS | {INSIDER_SERVED, READY}),
    "RM057": frozenset({KNOWN, EVERY_CALL}),
    **dict.fromkeys(("RM058", "RM059", "RM060", "RM061"), GONE | UNREAD),
    "RM064": frozenset({INTERCEPTED, SIDECARS}),
}
