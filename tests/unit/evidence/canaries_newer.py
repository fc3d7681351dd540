"""Secrets in the files of programs, in objects of meshes and jobs, in lines of tools, in encodings: planted.yaml.

There `<1>` is a password of small letters, which no form gives away, `<hex40>` a key of 40 hexadecimal digits. What is
drawn in a form of its own, a cloud's key or a PEM file, is made here.
"""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import yaml

from raymesh.evidence import Form
from tests.unit.evidence.canaries import ALNUM, HEX, Canary, Draw, b64, case, dump, logged, pem

PLANTED = yaml.safe_load(Path(__file__).with_name("planted.yaml").read_text(encoding="utf-8"))
PLACE = re.compile(r"<(?P<what>hex(?P<length>\d+)|\d*)>")
DRAW = Draw(seed=15)


def filled(text: str) -> tuple[str, tuple[str, ...]]:
    """A text with a secret in each of its places, and the secrets; the same number is the same secret."""
    drawn: dict[str, str] = {}

    def secret(found: re.Match[str]) -> str:
        length = found["length"]
        made = DRAW.of(HEX, int(length)) if length else DRAW.word()
        return drawn.setdefault(found["what"] or f"at {found.start()}", made)

    return PLACE.sub(secret, text), tuple(drawn.values())


def lines() -> Iterator[Canary]:
    for number, line in enumerate(PLANTED["lines"]):
        text, secrets = filled(line)
        yield logged(f"planted-{number:03}.log", text, secrets or ("83417265",))


def texts() -> Iterator[Canary]:
    for row in PLANTED["texts"]:
        text, secrets = filled(row["text"])
        stays = row.get("stays", [])
        if "file" in row:
            yield of_config_map(row["file"], text, secrets, *stays)
        else:
            text = json.dumps(yaml.safe_load(text)) if row.get("json") else text
            yield Canary(row["object"], Form.OBJECT, text, secrets, tuple(stays))


def of_config_map(name: str, text: str, secrets: tuple[str, ...], *stays: str) -> Canary:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {name: text}}
    return case(f"file-{name}", dump(config_map), secrets, name, *stays)


def keys() -> Iterator[Canary]:
    """A PEM file in every shape that a configuration gives it."""
    key = pem("RSA PRIVATE KEY", DRAW.of(ALNUM, 600))
    inside = (key[40:90], key[170:220])
    indented = "".join(f"    {line}\n" for line in key.splitlines())
    yield of_config_map("one-line.pem", key.replace("\n", ""), inside[:1])
    yield of_config_map("spaces.pem", key.replace("\n", " "), inside)
    yield of_config_map("escaped.pem", key.replace("\n", "\\n"), inside)
    yield of_config_map("double.pem", json.dumps(json.dumps(key)), inside)
    yield of_config_map("indented.yaml", f"tls:\n  key: |\n{indented}  port: 1\n", inside, "port: 1")
    folded = indented.replace("\n", "\n\n")
    yield of_config_map("folded.yaml", f"tls:\n  key: >-\n{folded}  port: 1\n", inside, "port: 1")
    yield of_config_map("base64.pem", b64(key), (b64(key)[60:120],))
    yield of_config_map("twice.pem", b64(b64(key)), (b64(b64(key))[60:120],))
    account = {"type": "service_account", "private_key": key, "client_email": "a@x"}
    yield of_config_map("gcp.json", json.dumps(account), inside[:1], "a@x")
    yield case(
        "gcp-encoded.yaml", dump({"spec": {"blob": b64(json.dumps(account))}}), (b64(json.dumps(account))[40:100],)
    )
    user = {"client-key-data": DRAW.of(ALNUM, 60), "password": DRAW.word()}
    kubeconfig = {"kind": "Config", "clusters": [{"cluster": {"server": "https://api"}}], "users": [{"user": user}]}
    yield of_config_map("config", dump({"apiVersion": "v1", **kubeconfig}), tuple(user.values()), "https://api")


ENCODED = {
    "netrc": "machine x login bob password <>",
    "json": '{"password": "<>"}',
    "url": "postgres://bob:<>@db/x",
    "header": "Authorization: Bearer <>",
    "env": "DB_PASSWORD=<>",
    "yaml": "password: <>\nuser: bob\n",
    "pgpass": "db:5432:x:bob:<>",
    "runtime-env": "env_vars:\n  a: <>\n",
}


def encodings() -> Iterator[Canary]:
    for name, text in ENCODED.items():
        plain, secrets = filled(text)
        for form, made in {"base64": b64(plain), "hex": plain.encode().hex()}.items():
            yield logged(f"{form}-{name}.log", f"read {made} from disk", (made,), "from disk")
            yield case(f"{form}-{name}.yaml", dump({"spec": {"blob": made}}), (made,))
        yield logged(f"escaped-{name}.log", f"read {json.dumps(json.dumps(plain))} from disk", secrets, "from disk")
    head, body = (
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"alg":"HS256"}', '{"sub":"1"}')
    )
    signature = DRAW.of(ALNUM, 43)
    token = f"{head}.{body}.{signature}"
    yield case("jwt-encoded.yaml", dump({"spec": {"blob": b64(token)}}), (b64(token)[10:60],))
    yield logged("jwt-url.log", f"GET /x/{token}/y", (signature,))
    headers = [{"key": "x-shared-secret", "raw_value": b64(signature)}]
    yield case("raw-header.json", json.dumps({"headers": headers}), (b64(signature),))
    users = {"inline_string": f"bob:{{SHA}}{b64(DRAW.word())}"}
    yield case("basic-filter.json", json.dumps({"users": users}), (users["inline_string"].rpartition("}")[2],))


def clouds() -> Iterator[Canary]:
    upper, lower = string.ascii_uppercase + string.digits, string.ascii_lowercase + string.digits
    for name, token in {
        "aws-secret-slash": DRAW.of(ALNUM, 20) + "/" + DRAW.of(ALNUM, 12) + "+" + DRAW.of(ALNUM, 6),
        "aws-session": "FwoGZXIvYXdz" + DRAW.of(ALNUM + "+/", 300) + "==",
        "azure-storage": DRAW.of(ALNUM + "+/", 86) + "==",
        "azure-devops": DRAW.of(lower, 40) + "JQQJ99" + DRAW.of(upper, 30),
        "cloudflare": "v1.0-" + DRAW.of(HEX, 24) + "-" + DRAW.of(HEX, 146),
        "gcp-refresh": "1//0" + DRAW.of(ALNUM + "-_", 60),
        "github-oauth": "gho_" + DRAW.of(ALNUM, 36),
        "gitlab-deploy": "gldt-" + DRAW.of(ALNUM, 20),
        "linear": "lin_api_" + DRAW.of(ALNUM, 40),
        "mailchimp": DRAW.of(HEX, 32) + "-us12",
        "mapbox": "sk.eyJ1" + DRAW.of(ALNUM, 60) + "." + DRAW.of(ALNUM, 22),
        "neon": "napi_" + DRAW.of(ALNUM, 64),
        "new-relic": "NRAK-" + DRAW.of(upper, 27),
        "notion": "secret_" + DRAW.of(ALNUM, 43),
        "okta": "00" + DRAW.of(ALNUM + "-_", 40),
        "planetscale": "pscale_tkn_" + DRAW.of(ALNUM, 43),
        "postman": "PMAK-" + DRAW.of(HEX, 24) + "-" + DRAW.of(HEX, 34),
        "pulumi": "pul-" + DRAW.of(HEX, 40),
        "replicate": "r8_" + DRAW.of(ALNUM, 37),
        "sentry": "sntrys_" + DRAW.of(ALNUM, 80),
        "slack-config": "xoxe.xoxp-1-" + DRAW.of(ALNUM, 146),
        "square": "EAAAE" + DRAW.of(ALNUM, 59),
        "supabase": "sbp_" + DRAW.of(HEX, 40),
        "tailscale": "tskey-auth-" + DRAW.of(ALNUM, 12) + "-" + DRAW.of(ALNUM, 32),
        "terraform": DRAW.of(ALNUM, 14) + ".atlasv1." + DRAW.of(ALNUM, 60),
        "teleport": "proxy-token:" + DRAW.of(HEX, 32),
        "vault-batch": "hvb." + DRAW.of(ALNUM, 120),
        "bcrypt": "$2b$12$" + DRAW.of(ALNUM + "./", 53),
        "argon": "$argon2id$v=19$m=65536,t=3,p=4$" + DRAW.of(ALNUM, 22) + "$" + DRAW.of(ALNUM, 43),
        "scram": f"SCRAM-SHA-256$4096:{DRAW.of(ALNUM, 22)}==${DRAW.of(ALNUM, 43)}=:{DRAW.of(ALNUM, 43)}=",
        "wireguard": DRAW.of(ALNUM + "+/", 43) + "=",
        "fernet": DRAW.of(ALNUM + "-_", 43) + "=",
        "ssh-dsa": b64("openssh-key-v1\0" + DRAW.of(ALNUM, 200)),
        "kubeadm": f"{DRAW.of(lower, 6)}.{DRAW.of(lower, 16)}",
    }.items():
        yield logged(f"cloud-{name}.log", f"started with {token} now", (token,), "started with")
        yield case(f"cloud-{name}.yaml", dump({"kind": "Any", "spec": {"note": f"is {token} here"}}), (token,))


NEWER = (*lines(), *texts(), *keys(), *encodings(), *clouds())
