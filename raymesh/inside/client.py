"""Runs inside a pod, with the standard library alone: knocks at ports and says of each attempt what happened.

Reads one JSON object from standard input:
  frame     a text that starts each line of an answer: other programs may print to the same stream
  seconds   how long a connection, a handshake or an answer may take
  clients   [{"how": "plaintext" | "tls" | "application", "version": "1.2" | "1.3",
              "silent": share of the seconds that it waits for an alert after the handshake, before it speaks,
              "chain" and "key": paths in this pod, or "pem": certificate chain and key in one text}, ...]
  targets   [{"host", "ip", "port", "speaks": "grpc" | "http" | "tcp", "path": of a GET}, ...]
  attempts  [[number of the client, number of the target], ...]
Prints a line for each attempt, {"attempt": its number, "kind", "stage", ...}, and last {"done": how many}.
Nothing here judges: who wrote an answer, and what it proves, is decided by whoever reads it.
"""

import itertools
import json
import re
import socket
import ssl
import sys
import tempfile
import typing
from concurrent.futures import ThreadPoolExecutor

Doc = dict[str, typing.Any]
AT_ONCE = 16
SHOWN_BYTES = 200
MOST_BYTES = 65536

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET_STREAM, SETTINGS, GO_AWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE = 1
FRAME_HEAD = 9
# gRPC's own servers take this for gRPC and Envoy does not (it wants the name alone, or a "+" after it): so a refusal
# that Envoy writes has an HTTP status, where it would else be put into gRPC's words and look like the application's.
GRPC_TYPE = b"application/grpc;raymesh"
# HPACK (RFC 7541), as far as an answer needs it once the dynamic table is set to no size.
STATUSES = {8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500"}
NAMES = {**dict.fromkeys(STATUSES, ":status"), 28: "content-length", 31: "content-type", 33: "date", 54: "server"}
# Appendix B: the code is canonical, so the length of each symbol's code says all. a is 5 bits, z is 30; 257 symbols.
CODE_LENGTHS = (
    "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibcccccccccccccccccccc"
    "ccdcdioijbkabababbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrt"
    "qrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz"
)
END_OF_STRING = 256


class Ended(Exception):
    """An attempt is over; `said` tells how."""

    def __init__(self, kind: str, stage: str, **more: object) -> None:
        super().__init__(kind)
        self.said: Doc = {"kind": kind, "stage": stage, **more}


def knock(client: Doc, target: Doc) -> Doc:
    """Try one port as one client. Where it is not known what a port speaks, what got furthest counts."""
    known = {"grpc": (_grpc_opening,), "http": (_http_opening,)}
    openings = known.get(target["speaks"], (_grpc_opening, _http_opening))
    furthest: Doc = {}
    for opening in openings:
        said = _attempt(client, target, opening(target))
        if said["kind"] not in ("closed", "reset", "silence") or said["stage"] in ("connecting", "handshake"):
            return said
        if not furthest or said["kind"] == "silence":
            furthest = said
    return furthest


def _attempt(client: Doc, target: Doc, opening: bytes) -> Doc:
    try:
        with _connect(client, target) as raw:
            if client["how"] == "tls":
                with _secure(client, target, raw) as wrapped:
                    unasked = _unasked(wrapped, client["seconds"] * client["silent"])
                    return _converse(wrapped, "secured", opening, unasked)
            return _converse(raw, "connected", opening)
    except Ended as ended:
        return ended.said
    except Exception as error:  # noqa: BLE001 - one attempt that fails in a way unheard of must not end the others
        return Ended("unable", "connecting", error=_text(error)).said


def _connect(client: Doc, target: Doc) -> socket.socket:
    """Connect as an application does, by name; of any other client the name must lead to the pod that is meant."""
    address = target["host"]
    try:
        if client["how"] != "application":
            found = {
                str(info[4][0]) for info in socket.getaddrinfo(target["host"], target["port"], type=socket.SOCK_STREAM)
            }
            if target["ip"] not in found:
                raise Ended("no route", "connecting", error=f"{target['host']} leads to {', '.join(sorted(found))}")
            address = target["ip"]
        return socket.create_connection((address, target["port"]), client["seconds"])
    except ConnectionRefusedError as error:
        raise Ended("nobody listens", "connecting", error=_text(error)) from None
    except TimeoutError as error:
        raise Ended("silence", "connecting", error=_text(error)) from None
    except OSError as error:  # no such name, no such network, no such host
        raise Ended("no route", "connecting", error=_text(error)) from None


def _secure(client: Doc, target: Doc, raw: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the server that is examined here
    version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[client["version"]]
    context.minimum_version = context.maximum_version = version
    # A PERMISSIVE sidecar takes for its own what offers "istio", and hands any other TLS to the application.
    plain = {"grpc": ["istio-h2", "h2"], "http": ["istio-http/1.1", "http/1.1"]}.get(target["speaks"], [])
    context.set_alpn_protocols(["istio", *plain])
    try:
        _show_certificate(context, client)
    except OSError as error:
        raise Ended("unable", "connecting", error=f"its certificate: {_text(error)}") from None
    try:
        return context.wrap_socket(raw, server_hostname=target["host"])
    except OSError as error:
        raise _trouble(error, "handshake") from None


def _show_certificate(context: ssl.SSLContext, client: Doc) -> None:
    if "chain" in client:
        context.load_cert_chain(client["chain"], client["key"])
    elif "pem" in client:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # readable by us alone, gone at once
            file.write(client["pem"])
            file.flush()
            context.load_cert_chain(file.name)


def _converse(line: socket.socket, stage: str, opening: bytes, got: bytes = b"") -> Doc:
    """Send a request and return what the answer is; `got` is what came before it."""
    said = Doc()
    try:
        lost = _send(line, opening)
        while len(got) < MOST_BYTES and not (said := _answer(got, stage)):
            more = line.recv(MOST_BYTES)
            if not more:
                if lost and not got:
                    raise lost
                break
            got += more
    except OSError as error:
        if not got:
            raise _trouble(error, stage) from None
    if not got:
        raise Ended("closed", stage)
    return said or _answer(got, stage, all_came=True) or Ended("bytes", stage, body=_shown(got)).said


def _send(line: socket.socket, opening: bytes) -> OSError | None:
    """Send, and return what came in between: why the other side ended the connection may be there to be read yet."""
    try:
        line.sendall(opening)
    except (ConnectionResetError, BrokenPipeError) as error:
        return error
    return None


def _unasked(line: ssl.SSLSocket, within: float) -> bytes:
    """Return what the other side says in these seconds without being asked, if anything.

    With TLS 1.3 it looks at a client's certificate only after the client holds its handshake done, and an alert is lost
    where the client writes to a connection that is being closed.
    """
    seconds = line.gettimeout()
    line.settimeout(within)
    try:
        got = line.recv(MOST_BYTES)
    except TimeoutError:
        return b""
    except OSError as error:
        raise _trouble(error, "secured") from None
    finally:
        line.settimeout(seconds)
    if not got:
        raise Ended("closed", "secured")
    return got


def _trouble(error: OSError, stage: str) -> Ended:
    """Name an error of a connection that is up."""
    reason = str(getattr(error, "reason", None) or "")
    alert = re.fullmatch(r"(?:SSLV3|TLSV1|TLSV13|SSL/TLS)_(?:ALERT_)?(\w+)", reason)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or reason == "UNEXPECTED_EOF_WHILE_READING":
        return Ended("closed", stage)
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return Ended("reset", stage)
    if isinstance(error, TimeoutError):
        return Ended("silence", stage)
    if alert:
        return Ended("alert", stage, alert=alert[1].lower())
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return Ended("not TLS", stage, error=reason)
    return Ended("unable", stage, error=_text(error))


def _http_opening(target: Doc) -> bytes:
    lines = [f"GET {target['path']} HTTP/1.1", f"Host: {target['host']}:{target['port']}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode()


def _grpc_opening(target: Doc) -> bytes:
    """Call a method that no server has, so that only an application's own gRPC can say so."""
    fields = {
        b":path": b"/raymesh.Probe/Knock",
        b":authority": f"{target['host']}:{target['port']}".encode(),
        b"content-type": GRPC_TYPE,
        b"te": b"trailers",
    }
    block = b"\x83\x86" + b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in fields.items())
    settings = HEADER_TABLE_SIZE.to_bytes(2, "big") + bytes(4)
    empty_message = bytes(5)
    return (
        PREFACE
        + _frame(SETTINGS, 0, 0, settings)
        + _frame(HEADERS, END_HEADERS, 1, block)
        + _frame(DATA, END_STREAM, 1, empty_message)
    )


def _literal(text: bytes) -> bytes:
    short = 127
    return (bytes([len(text)]) if len(text) < short else bytes([short, len(text) - short])) + text


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _answer(got: bytes, stage: str, *, all_came: bool = False) -> Doc:
    """Return what is known of an HTTP answer; nothing before its end is there, unless no more will come."""
    if got.startswith(b"HTTP/1."):
        headers, body, whole = _http1(got)
    else:
        try:
            headers, body, whole = _http2(got)
        except (IndexError, ValueError):
            return {}
    if ":status" not in headers or not (whole or all_came):
        return {}
    if "grpc-status" in headers:
        return {**_of(headers, body, stage), "kind": "grpc", "status": headers["grpc-status"]}
    return _of(headers, body, stage)


def _http1(got: bytes) -> tuple[dict[str, str], bytes, bool]:
    """Return the headers, the body, and whether there is enough of it to be shown."""
    head, blank, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = re.match(r"HTTP/1\.[01] (\d{3})\b", first)
    if not status:
        return {}, b"", False
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":  # so a sidecar passes on what has no length
        body, over = _chunks(body)
        return {**headers, ":status": status[1]}, body, over or len(body) >= SHOWN_BYTES
    length = headers.get("content-length", "")
    wanted = min(int(length), SHOWN_BYTES) if length.isdecimal() else SHOWN_BYTES
    return {**headers, ":status": status[1]}, body, bool(blank) and len(body) >= wanted


def _chunks(coded: bytes) -> tuple[bytes, bool]:
    """Return as much of a body as came in chunks, and whether it is over (RFC 9112, section 7.1)."""
    body = b""
    while True:
        line, ended, rest = coded.partition(b"\r\n")
        size = re.fullmatch(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?", line)
        if not ended or not size:
            return body, False
        length = int(size[1], 16)
        if not length:
            return body, True
        body, coded = body + rest[:length], rest[length + 2 :]


def _of(headers: dict[str, str], body: bytes, stage: str) -> Doc:
    return {
        "kind": "http",
        "stage": stage,
        "status": headers[":status"],
        "server": headers.get("server", ""),
        "type": headers.get("content-type", ""),
        "body": _shown(body),
        "message": headers.get("grpc-message", ""),
    }


def _shown(got: bytes) -> str:
    return got[:SHOWN_BYTES].decode("latin-1")


def _http2(got: bytes) -> tuple[dict[str, str], bytes, bool]:
    """Return the headers and trailers of the answer, its body, and whether it is over."""
    headers: dict[str, str] = {}
    block, body, at, over = b"", b"", 0, False
    while len(got) - at >= FRAME_HEAD and not over:
        length, kind, flags = int.from_bytes(got[at : at + 3], "big"), got[at + 3], got[at + 4]
        payload = got[at + FRAME_HEAD : at + FRAME_HEAD + length]
        if len(payload) < length:
            break
        at += FRAME_HEAD + length
        if kind in (DATA, HEADERS) and flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == HEADERS and flags & PRIORITY:
            payload = payload[5:]
        if kind == DATA:
            body += payload
        if kind in (HEADERS, CONTINUATION):
            block += payload
            if flags & END_HEADERS:
                headers |= unpack(block)
                block = b""
        over = kind in (RESET_STREAM, GO_AWAY) or (kind in (DATA, HEADERS) and bool(flags & END_STREAM))
    return headers, body, over


def unpack(block: bytes) -> dict[str, str]:
    """Return the fields of a header block. Raises ValueError or IndexError where it is none."""
    found: dict[str, str] = {}
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _integer(block, at, 7)
            found[NAMES.get(index, f"#{index}")] = STATUSES.get(index, "")
            continue
        if first & 0xE0 == 0x20:  # a new size of the table, which stays empty  # noqa: PLR2004
            _, at = _integer(block, at, 5)
            continue
        index, at = _integer(block, at, 6 if first & 0x40 else 4)
        name = NAMES.get(index, f"#{index}")
        if index == 0:
            name, at = _string(block, at)
        found[name], at = _string(block, at)
    return found


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in itertools.count(0, 7):
        value += (block[at] & 0x7F) << shift
        at += 1
        if not block[at - 1] & 0x80:
            break
    return value, at


def _string(block: bytes, at: int) -> tuple[str, int]:
    packed = bool(block[at] & 0x80)
    length, at = _integer(block, at, 7)
    text = block[at : at + length]
    if len(text) < length:
        raise ValueError("a text that is cut off")
    return (_huffman(text) if packed else text.decode("latin-1")), at + length


def _huffman(text: bytes) -> str:
    symbols: list[int] = []
    code, length = 0, 0
    for bit in "".join(f"{byte:08b}" for byte in text):
        code, length = code * 2 + int(bit), length + 1
        symbol = CODES.get((length, code))
        if symbol is not None:
            symbols.append(symbol)
            code, length = 0, 0
    if END_OF_STRING in symbols:
        raise ValueError("the end of a string inside a string")
    return bytes(symbols).decode("latin-1")


def _codes() -> dict[tuple[int, int], int]:
    """Return each symbol by the length and the number of its code."""
    found: dict[tuple[int, int], int] = {}
    code, before = 0, 0
    for length, symbol in sorted((ord(letter) - ord("a") + 5, at) for at, letter in enumerate(CODE_LENGTHS)):
        code <<= length - before
        before = length
        found[length, code] = symbol
        code += 1
    return found


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:SHOWN_BYTES]


CODES = _codes()


def main(wanted: Doc) -> None:
    frame, attempts, targets = wanted["frame"], wanted["attempts"], wanted["targets"]
    clients = [{**client, "seconds": wanted["seconds"]} for client in wanted["clients"]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda pair: knock(clients[pair[0]], targets[pair[1]]), attempts)
        for number, one in enumerate(said):
            print(f"\n{frame}{json.dumps({'attempt': number, **one})}", flush=True)
    print(f"\n{frame}{json.dumps({'done': len(attempts)})}", flush=True)


if __name__ == "__main__":
    main(json.load(sys.stdin))
