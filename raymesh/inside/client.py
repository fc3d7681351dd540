"""Runs inside a pod, with what the Ray image has: tries ports and says for each how it ended, a JSON object a line.

Argument: a JSON object {"clients": [...], "targets": [{"pod", "host", "port", "protocol"}, ...]}.
Outcome: "answered" - bytes of the application came back; "refused" - the connection was taken and then ended before
any; "nobody" - no connection, or silence.
"""

import http.client
import json
import socket
import ssl
import sys
import typing
from concurrent.futures import ThreadPoolExecutor

import grpc

SECONDS = 5.0
UNAVAILABLE = 503
Target = dict[str, typing.Any]
Ended = tuple[str, str]  # outcome, detail
HTTP_PATHS = {8265: "/api/version", 52365: "/api/local_raylet_healthz"}


def _connects(target: Target) -> str:
    try:
        socket.create_connection((target["host"], target["port"]), SECONDS).close()
    except OSError as error:
        return str(error)
    return ""


def plaintext(target: Target) -> Ended:
    """Call the application in its own protocol, as Ray would."""
    trouble = _connects(target)
    if trouble:
        return "nobody", trouble
    return _http(target) if target["protocol"] == "http" else _grpc(target)


def _grpc(target: Target) -> Ended:
    channel = grpc.insecure_channel(f"{target['host']}:{target['port']}", [("grpc.enable_retries", 0)])
    try:
        # No server has this method, so only the application can say that: a proxy would say UNAVAILABLE.
        channel.unary_unary("/raymesh.Probe/Knock")(b"", timeout=SECONDS)
    except grpc.RpcError as error:
        said = {grpc.StatusCode.UNIMPLEMENTED: "answered", grpc.StatusCode.UNAVAILABLE: "refused"}
        return said.get(error.code(), "nobody"), f"{error.code().name}: {error.details()}"
    finally:
        channel.close()
    return "answered", "OK"


def _http(target: Target) -> Ended:
    connection = http.client.HTTPConnection(target["host"], target["port"], timeout=SECONDS)
    try:
        connection.request("GET", HTTP_PATHS.get(target["port"], "/"))
        answer = connection.getresponse()
        answer.read()
    except TimeoutError as error:
        return "nobody", str(error)
    except (OSError, http.client.HTTPException) as error:
        return "refused", f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    by_proxy = answer.status == UNAVAILABLE
    return ("refused" if by_proxy else "answered"), f"HTTP {answer.status}"


def _tls(target: Target, version: ssl.TLSVersion) -> Ended:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["istio", "h2"])
    try:
        raw = socket.create_connection((target["host"], target["port"]), SECONDS)
    except OSError as error:
        return "nobody", str(error)
    try:
        with context.wrap_socket(raw, server_hostname=target["host"]) as wrapped:
            # With TLS 1.3 the server looks at the client's certificate only after the client holds its handshake done.
            wrapped.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            wrapped.settimeout(SECONDS)
            data = wrapped.recv(1)
    except TimeoutError as error:
        return "nobody", str(error)
    except OSError as error:
        return "refused", f"{type(error).__name__}: {error}"
    return ("answered", "bytes came back") if data else ("refused", "closed")


def tls12(target: Target) -> Ended:
    return _tls(target, ssl.TLSVersion.TLSv1_2)


def tls13(target: Target) -> Ended:
    return _tls(target, ssl.TLSVersion.TLSv1_3)


CLIENTS = {"plaintext": plaintext, "TLS 1.2": tls12, "TLS 1.3 without certificate": tls13, "in the mesh": plaintext}


def main() -> None:
    wanted = json.loads(sys.argv[1])
    pairs = [(client, target) for client in wanted["clients"] for target in wanted["targets"]]
    with ThreadPoolExecutor(8) as pool:
        for (client, target), (outcome, detail) in zip(
            pairs, pool.map(lambda p: CLIENTS[p[0]](p[1]), pairs), strict=True
        ):
            print(json.dumps({"client": client, **target, "outcome": outcome, "detail": detail[:200]}), flush=True)


main()
