"""Secrets of every kind, each planted where people have them: in objects, in logs, in Envoy's dumps, in reports.

No secret is a real one: all are drawn from a seeded generator, in the form that their makers use.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from raymesh.evidence import Form

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
TIME = "2026-11-25T03:00:00.12345678Z "


@dataclass(frozen=True)
class Canary:
    """One text with secrets in it, what of it must not be found, and what must stay."""

    name: str
    form: Form
    text: str
    secrets: tuple[str, ...]
    stays: tuple[str, ...] = ()


class Draw:
    """Draws secrets; the same ones in every run."""

    def __init__(self, seed: int = 13) -> None:
        self._random = random.Random(seed)

    def of(self, letters: str, length: int) -> str:
        return "".join(self._random.choices(letters, k=length))

    def word(self, length: int = 24) -> str:
        """A password that no form gives away: small letters alone."""
        return self.of(string.ascii_lowercase, length)


DRAW = Draw()
word = DRAW.word


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def pem(kind: str, body: str) -> str:
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


def dump(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def tokens() -> Iterator[tuple[str, str]]:
    """Yield tokens that are known by their form alone."""
    yield "aws-id", f"AKIA{DRAW.of(string.ascii_uppercase + '234567', 16)}"
    yield "aws-session-id", f"ASIA{DRAW.of(string.ascii_uppercase + '234567', 16)}"
    yield "gcp-key", f"AIza{DRAW.of(ALNUM, 35)}"
    yield "gcp-access", f"ya29.{DRAW.of(ALNUM, 60)}"
    yield "gcp-client", f"GOCSPX-{DRAW.of(ALNUM, 28)}"
    yield "azure-client", f"{DRAW.of(ALNUM, 3)}8Q~{DRAW.of(ALNUM, 34)}"
    yield "github", f"ghp_{DRAW.of(ALNUM, 36)}"
    yield "github-fine", f"github_pat_{DRAW.of(ALNUM, 22)}_{DRAW.of(ALNUM, 59)}"
    yield "github-app", f"ghs_{DRAW.of(ALNUM, 36)}"
    yield "gitlab", f"glpat-{DRAW.of(ALNUM, 20)}"
    yield "gitlab-runner", f"glrt-{DRAW.of(ALNUM, 20)}"
    yield "slack", f"xoxb-{DRAW.of(string.digits, 12)}-{DRAW.of(string.digits, 12)}-{DRAW.of(ALNUM, 24)}"
    yield "slack-app", f"xapp-1-{DRAW.of(ALNUM, 11)}-{DRAW.of(string.digits, 13)}-{DRAW.of(HEX, 64)}"
    yield (
        "slack-hook",
        f"https://hooks.slack.com/services/T{DRAW.of(ALNUM, 8)}/B{DRAW.of(ALNUM, 8)}/{DRAW.of(ALNUM, 24)}",
    )
    yield "stripe", f"sk_live_{DRAW.of(ALNUM, 24)}"
    yield "stripe-test", f"sk_test_{DRAW.of(ALNUM, 24)}"
    yield "stripe-hook", f"whsec_{DRAW.of(ALNUM, 32)}"
    yield "hugging-face", f"hf_{DRAW.of(string.ascii_letters, 34)}"
    yield "openai", f"sk-{DRAW.of(ALNUM, 48)}"
    yield "openai-project", f"sk-proj-{DRAW.of(ALNUM, 40)}"
    yield "anthropic", f"sk-ant-api03-{DRAW.of(ALNUM, 90)}"
    yield "npm", f"npm_{DRAW.of(ALNUM, 36)}"
    yield "pypi", f"pypi-AgEIcHlwaS5vcmc{DRAW.of(ALNUM, 90)}"
    yield "docker-hub", f"dckr_pat_{DRAW.of(ALNUM, 27)}"
    yield "vault", f"hvs.{DRAW.of(ALNUM, 90)}"
    yield "databricks", f"dapi{DRAW.of(HEX, 32)}"
    yield "digitalocean", f"dop_v1_{DRAW.of(HEX, 64)}"
    yield "sendgrid", f"SG.{DRAW.of(ALNUM, 22)}.{DRAW.of(ALNUM, 43)}"
    yield "twilio", f"SK{DRAW.of(HEX, 32)}"
    yield "telegram", f"{DRAW.of('123456789', 9)}:AA{DRAW.of(ALNUM, 33)}"
    yield "grafana", f"glsa_{DRAW.of(ALNUM, 32)}_{DRAW.of(HEX, 8)}"
    yield "shopify", f"shpat_{DRAW.of(HEX, 32)}"
    yield "groq", f"gsk_{DRAW.of(ALNUM, 52)}"
    yield "age", f"AGE-SECRET-KEY-1{DRAW.of(string.ascii_uppercase + string.digits, 58)}"
    yield "no-prefix", DRAW.of(ALNUM + "+/", 40)
    for length in (20, 400, 9000):
        head, body = (
            base64.urlsafe_b64encode(t.encode()).decode().rstrip("=") for t in ('{"alg":"RS256"}', '{"sub":"ray"}')
        )
        yield f"jwt-{length}", f"{head}.{body}{DRAW.of(ALNUM, length)}.{DRAW.of(ALNUM, 43)}"
    yield "crypt", f"$6${DRAW.of(ALNUM, 8)}${DRAW.of(ALNUM, 60)}"
    yield "zipped-object", f"H4sIAAAAAAAA{DRAW.of(ALNUM, 80)}"


def by_form() -> Iterator[Canary]:
    for name, token in tokens():
        yield Canary(
            f"{name}.log",
            Form.TEXT,
            f"{TIME}started\n{TIME}[INFO] calling the service with {token} now\n{TIME}done\n",
            (token,),
            ("started", "calling the service with", "done"),
        )
        pod = {"kind": "Pod", "metadata": {"name": "head"}, "status": {"message": f"exit: {token}"}}
        yield Canary(f"{name}.yaml", Form.OBJECT, dump(pod), (token,), ("head", "exit:"))


def secret(*, kind: str = "Secret", **more: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "ca", "namespace": "default"}, **more}


def pod(container: dict[str, object]) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "head"}, "spec": {"containers": [container]}}


def case(name: str, text: str, secrets: tuple[str, ...], *stays: str) -> Canary:
    return Canary(name, Form.OBJECT, text, secrets, stays)


def secrets_of_kubernetes() -> Iterator[Canary]:
    s = word()
    yield case("secret.yaml", dump(secret(data={"anything": b64(s)})), (b64(s),), "anything", "name: ca")
    s = word()
    yield case("secret-string.json", json.dumps(secret(stringData={"plain": s})), (s,), "plain")
    s = word()
    one = {"metadata": {"name": "one"}, "data": {"field": b64(s)}, "type": "Opaque"}
    yield case("secret-list.yaml", dump({"kind": "SecretList", "items": [one]}), (b64(s),), "field")
    s = word()
    yield case(
        "list.json",
        json.dumps({"kind": "List", "items": [secret(data={"f": b64(s)}), pod({"name": "ray"})]}),
        (b64(s),),
        "head",
    )
    s = word()
    yield case("comment.yaml", f"kind: # of what\n  Secret\ndata:\n  f: {b64(s)}\n", (b64(s),))
    s = word()
    yield case("alias.yaml", f"x: &k Secret\n---\ny: &k Secret\nkind: *k\ndata: {{f: {b64(s)}}}\n", (b64(s),))
    s = word()
    yield case("event.json", json.dumps({"type": "ADDED", "object": secret(data={"f": b64(s)})}), (b64(s),))
    s = word()
    yield case("second.yaml", f"kind: Service\n---\nkind: Secret\ndata: {{f: {b64(s)}}}\n", (b64(s),), "Service")
    s = word()
    yield case("tag.yaml", f"kind: Secret\ndata: !hidden {{f: !!str {s}}}\n", (s,))
    s = word()
    yield case("binary.yaml", f"kind: Pod\nblob: !!binary |\n  {b64(s)}\n", (b64(s),))
    s = word()
    yield case("twice.json", f'{{"password": "{s}", "password": null}}', (s,))
    s = word()
    yield case("twice.yaml", f"password: {s}\npassword: null\n", (s,))
    s, t = word(), word()
    yield case("broken.yaml", f"apiVersion: v1\nkind: Secret\n\tdata: {{f: {b64(s)}\nspec: {t}", (b64(s), t))
    s = word()
    yield case("cut.json", json.dumps(secret(data={"f": b64(s)}))[:-3], (b64(s),))
    s = word()
    yield case("comment-secret.yaml", f"# password: {s}\nkind: Service\n", (s,), "kind: Service")


def arguments_and_environments() -> Iterator[Canary]:
    s = word()
    reference = {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}
    env = [{"name": "ANY_NAME_AT_ALL", "value": s}, {"name": "RAY_IP", "value": "10.244.0.7"}, reference]
    yield case(
        "env.yaml",
        dump(pod({"name": "ray", "env": env})),
        (s,),
        "ANY_NAME_AT_ALL",
        "10.244.0.7",
        "database",
        "key: password",
    )
    s = word()
    yield case(
        "env.json", json.dumps({"Config": {"Env": [f"SOMETHING={s}", "PATH=/usr/bin"]}}), (s,), "SOMETHING", "/usr/bin"
    )
    s = word()
    yield case(
        "env-map.yaml", dump({"runtime_env": {"env_vars": {"SOMETHING": s}, "working_dir": "here"}}), (s,), "here"
    )
    s = word()
    yield case("env-in-custom.yaml", dump({"kind": "Any", "spec": {"extraEnv": [{"name": "lower", "value": s}]}}), (s,))
    s = word()
    ray = {"kind": "RayCluster", "spec": {"headGroupSpec": {"rayStartParams": {"redis-password": s, "num-cpus": "1"}}}}
    yield case("ray.yaml", dump(ray), (s,), "redis-password", "num-cpus")
    s = word()
    gcs = {"gcsFaultToleranceOptions": {"redisPassword": {"value": s}, "redisAddress": "redis:6379"}}
    yield case("gcs.yaml", dump(gcs), (s,), "redis:6379")
    s = word()
    job = {"kind": "RayJob", "spec": {"runtimeEnvYAML": f"env_vars:\n  COUNTER: {s}\npip: [requests]\n"}}
    yield case("rayjob.yaml", dump(job), (s,), "requests")
    for number, args in enumerate(
        (["--token", "{}"], ["--password={}"], ["sh", "-c", "export X_Y={}; run --api-key {}"])
    ):
        s = word()
        yield case(
            f"args-{number}.yaml", dump(pod({"name": "ray", "args": [a.replace("{}", s) for a in args]})), (s,), "ray"
        )
    s = word()
    yield case("redis-args.yaml", dump(pod({"name": "r", "command": ["redis-server", "--requirepass", s]})), (s,))


def copies_and_configurations() -> Iterator[Canary]:
    s, t = word(), word()
    copy = json.dumps(pod({"name": "ray", "env": [{"name": "X", "value": s}]}))
    notes = {
        "kubectl.kubernetes.io/last-applied-configuration": copy,
        "some.tool/copy": copy.replace(s, t),
        "kept": "as it is",
    }
    yield case("annotation.yaml", dump({"kind": "Pod", "metadata": {"annotations": notes}}), (s, t), "as it is")
    s = DRAW.of(ALNUM, 60)
    notes = {"objectset.rio.cattle.io/applied": f"H4sI{s}", "kept": "as it is"}
    yield case("rancher.json", json.dumps({"metadata": {"annotations": notes}}), (s,), "as it is")
    s, t, u = word(), word(), word()
    data = {
        "app.yaml": f"database:\n  password: {s}\n  host: db\n",
        "object.yaml": dump(secret(stringData={"f": t})),
        "settings.json": json.dumps({"apiKey": u, "level": "info"}),
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}
    yield case("configmap.yaml", dump(config), (s, t, u), "host: db", "info")
    s, t, u = word(), word(), word()
    data = {
        ".npmrc": f"//registry/:_authToken={s}\n",
        "netrc": f"machine api login bob password {t}\n",
        "app.properties": f"level=info\ndb.password={u}\n",
    }
    yield case("configmap-files.json", json.dumps({"kind": "ConfigMap", "data": data}), (s, t, u), "level=info")
    s, t = word(), pem("PRIVATE KEY", DRAW.of(ALNUM, 300))
    yield case(
        "configmap-key.yaml", dump({"kind": "ConfigMap", "data": {"DB_HOST_X": s, "file.txt": t}}), (s, t[40:90])
    )
    s = word()
    yield case("configmap-binary.yaml", dump({"kind": "ConfigMap", "binaryData": {"f": b64(s)}}), (b64(s),))
    s = word()
    config = {"kind": "ConfigMap", "data": {".env": f"FOO={s}\n", "init.sql": f"CREATE USER x IDENTIFIED BY '{s}'"}}
    yield case("configmap-env.yaml", dump(config), (s,), "FOO", "CREATE USER x")
    s, t = word(), word()
    patch = [
        {"op": "add", "path": "/data/password", "value": s},
        {"path": "/env", "op": "add", "value": [{"name": "A", "value": t}]},
    ]
    yield case("patch.json", json.dumps(patch), (s, t), "/data/password")
    s = word()
    yield case("anchor.yaml", f"a: &e\n- name: FOO\n  value: {s}\nspec:\n  env: *e\n", (s,))
    s = word()
    yield case("jwk.json", json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": s}]}), (s,), "one")
    s = f"password={word()}".encode().hex()
    yield case("hexadecimal.json", json.dumps({"text": s}), (s,))
    s = word()
    text = f"x\r\n  password: |\r\n    {s}\r\n  b: c\r\n"
    yield Canary("line-ends.log", Form.TEXT, text, (s,), ("b: c\r\n",))


def logins() -> Iterator[Canary]:
    login = b64(f"bob:{word()}")
    auths = {"auths": {"https://registry": {"auth": login, "email": "bob@example.com"}}}
    yield case("docker.json", json.dumps(auths), (login,), "https://registry")
    yield case(
        "docker-secret.yaml", dump({"x": {".dockerconfigjson": b64(json.dumps(auths))}}), (b64(json.dumps(auths)),)
    )
    yield case("docker-encoded.yaml", dump({"status": {"output": b64(json.dumps(auths))}}), (b64(json.dumps(auths)),))
    s, t, u = DRAW.of(ALNUM, 80), word(), word()
    user = {
        "client-key-data": s,
        "token": t,
        "auth-provider": {"config": {"idp": u}},
        "client-certificate-data": "public",
    }
    kubeconfig = {
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://api"}}],
        "users": [{"name": "u", "user": user}],
    }
    yield case("kubeconfig.yaml", dump(kubeconfig), (s, t, u), "https://api")
    yield case("kubeconfig-in-configmap.yaml", dump({"kind": "ConfigMap", "data": {"f": dump(kubeconfig)}}), (s, t, u))


def values_by_name() -> Iterator[Canary]:
    s = word()
    yield case(
        "block.yaml", f"kind: Any\nspec:\n  password: |\n    {s} one\n    two {s}\n  user: bob\n", (s,), "user: bob"
    )
    s = word()
    yield case("folded.yaml", f"kind: Any\nspec:\n  token: >-\n    {s}\n  user: bob\n", (s,), "user: bob")
    s = f"{word(10)} {word(10)}, {word(10)}"
    yield case("spaces.yaml", f"kind: Any\npassword: {s}\nuser: bob\n", (*s.replace(",", "").split(), s), "user: bob")
    yield case("number.yaml", "kind: Any\npassword: 83417265\n", ("83417265",))
    s, t = word(), word()
    yield case("nested.yaml", dump({"credentials": {"alice": s, "others": [t]}, "tokens": [s]}), (s, t), "alice")
    s = word()
    yield case(
        "deep.json", json.dumps({"a": json.dumps({"b": json.dumps({"client_secret": s, "c": "kept"})})}), (s,), "kept"
    )
    s = word()
    yield case("url.yaml", dump({"spec": {"url": f"postgres://bob:{s}@db:5432/x"}}), (s,), "db:5432/x", "bob")
    s = word()
    yield case("url-slash.yaml", dump({"spec": {"url": f"redis://:{s}/{s}@db:6379"}}), (s,), "db:6379")
    s = word()
    yield case("git.yaml", dump({"spec": {"repo": f"https://{s}@git.example.com/a.git"}}), (s,), "git.example.com")
    s = word()
    conn = f"Server=db;User Id=sa;Password={s};Encrypt=true"
    yield case("sql.yaml", dump({"spec": {"text": conn}}), (s,), "Server=db")
    s = DRAW.of(ALNUM, 86) + "=="
    conn = f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={s};EndpointSuffix=core"
    yield case("azure.yaml", dump({"spec": {"text": conn}}), (s,), "AccountName=x")
    s = DRAW.of(ALNUM, 43)
    yield case("sas.yaml", dump({"spec": {"u": f"https://x.blob/c?sv=2022-11-02&sig={s}%3D&se=2027"}}), (s,), "x.blob")


def dumps_of_envoy() -> Iterator[Canary]:
    s, t = word(), word()
    headers = [
        {"header": {"key": "authorization", "value": f"Basic {b64(s)}"}},
        {"header": {"key": "x-api-key", "value": t}},
        {"header": {"key": "x-request-id", "value": "kept-id"}},
    ]
    yield case(
        "envoy.json", json.dumps({"route": {"request_headers_to_add": headers}}), (b64(s), t), "kept-id", "x-api-key"
    )
    s = word()
    match = {"match": {"headers": [{"name": "x-auth-token", "string_match": {"exact": s}}]}}
    yield case("envoy-match.json", json.dumps(match), (s,), "x-auth-token")
    s, t = DRAW.of(ALNUM, 60), DRAW.of(ALNUM, 60)
    certificate = {"private_key": {"inline_bytes": s}, "certificate_chain": {"inline_bytes": "cHVibGlj"}}
    sds = {
        "dynamic_active_secrets": [
            {
                "name": "default",
                "secret": {"tls_certificate": certificate, "session_ticket_keys": {"keys": [{"inline_string": t}]}},
            }
        ]
    }
    yield case("envoy-sds.json", json.dumps(sds), (s, t), "cHVibGlj", "default")
    s = word()
    tags = {"data": [{"spans": [{"tags": [{"key": "http.request.header.cookie", "value": f"id={s}"}]}]}]}
    yield case("jaeger.json", json.dumps(tags), (s,))
    s = word()
    yield case("har.json", json.dumps({"headers": [["authorization", s], ["accept", "*/*"]]}), (s,), "*/*")
    s = DRAW.of(ALNUM, 1200)
    key = pem("RSA PRIVATE KEY", s)
    wrapped = "\n".join(b64(f"\n{key}")[at : at + 76] for at in range(0, 1800, 76))
    yield case("wrapped.yaml", dump({"spec": {"text": wrapped}}), (wrapped[:70], wrapped[400:450]))
    yield case("encoded-key.json", json.dumps({"f": b64(f"\n{key}")}), (b64(f"\n{key}")[:60],))
    yield case("key.json", json.dumps({"f": key}), (s[:60], s[600:640]))


def logged(name: str, text: str, secrets: tuple[str, ...], *stays: str) -> Canary:
    lines = "".join(f"{TIME}{line}\n" for line in text.split("\n"))
    return Canary(
        name, Form.TEXT, f"{TIME}before it\n{lines}{TIME}after it\n", secrets, ("before it", "after it", *stays)
    )


LINES = (
    "Authorization: Bearer {}",
    "Authorization: Token {}",
    "authorization={}",
    "proxy-authorization: {}",
    "curl -H 'Authorization: Basic {}' https://api",
    'curl -H "x-api-key: {}" https://api',
    "curl -u bob:{} https://api",
    "Cookie: session={}; other={}",
    "set-cookie: sid={}; Path=/",
    "sending header 'x-auth-token', '{}'",
    "('authorization', '{}')",
    "DB_PASSWORD={}",
    "export AWS_SECRET_ACCESS_KEY={}",
    "export MY_THING='{}'",
    "docker run -e MY_THING={} image",
    "docker login -u bob -p {} registry",
    "mysql -u root -p{} shop",
    "redis-cli -h r -a {} ping",
    "sshpass -p {} ssh host",
    "ray start --head --redis-password={} --port=6379",
    "ray start --head --redis-password {} --port=6379",
    "vault login --token {}",
    "password: {}",
    "password={} user=bob",
    "password='{} with spaces'",
    'password="{}, with more"',
    "{{'password': '{}', 'user': 'bob'}}",
    '{{"user": "bob", "client_secret": "{}"}}',
    "config {{'env': [{{'name': 'ANY_NAME', 'value': '{}', 'value_from': None}}]}} read",
    'config "{{\\"password\\":\\"{}\\"}}" read',
    'key: "authorization" value: "Basic {}"',
    '{{"key":"authorization","value":"Basic {}"}}',
    "connecting to postgres://bob:{}@db:5432/shop",
    "connecting to amqp://bob:{}@mq/ and mongodb+srv://al:{}@c/",
    "connecting to bob:{}@tcp(db:3306)/shop",
    "jdbc:postgresql://db/shop?user=bob&password={}",
    "GET /path?access_token={}&page=2 HTTP/1.1",
    "machine api login bob password {}",
    "//registry/:_authToken={}",
    "[pypi] username = __token__ password = {}",
    "<password>{}</password>",
    "api_key => '{}'",
    "set client-secret to client-secret={}",
    "secretKey:{}",
    "Password for bob: {}",
    "the new password is {}7",
    "db:5432:shop:bob:{}",
    "IDENTIFIED BY '{}'",
    "Connected with password {}1 to redis",
    "AUTH {}",
    "environ({{'PATH': '/usr/bin', 'VARIABLE': '{}'}})",
    "set -x API_TOKEN {}",
    "+ FOO_BAR={} python run.py",
    "kubectl create secret generic x --from-literal=foo={}",
    "Secret Access Key: {}",
    "API key = {}",
    "Enter pass phrase: {}",
    "bindpw={}",
    "https://discord.com/api/webhooks/123456789012345678/{}",
    "connect(host='db', password='{}', port=1)",
    "map[password:{} user:bob]",
    "java -Djavax.net.ssl.keyStorePassword={}",
    "helm install x --set auth.password={},user=bob",
    "ENV API_TOKEN {}",
    'password = (sensitive) "{}"',
    "postgres://bob:a@{}@db/shop",
    "> X-Secret-Header: {}",
    "OTP: {}",
    "config: {{db: {{user: bob, password: {} }} }}",
    "['ray', 'start', '--redis-password', '{}', '--block']",
    "password: '{}''{}'",
    "env FOO_KEY={} ls",
    "kubectl set env deploy/x FOO={}",
    "sqlcmd -U sa -P {} -S db",
    "mongosh -u root -p {}",
    "spark.hadoop.fs.s3a.secret.key {}",
    "csrftoken={}; sessionid={}",
    'Authorization: Digest username="bob", response="{}"',
    "EnvVar{{Name:ANY_THING,Value:{},ValueFrom:nil,}}",
    "sasl.jaas.config=x username=bob password={};",
    "token%3D{}%20",
    '<apiToken type="x">{}</apiToken>',
    'variable "db_password" {{ default = "{}" }}',
    '"set-cookie":["session={}; HttpOnly"]',
    "routing_key={}",
    "Ocp-Apim-Subscription-Key: {}",
    "datadog api key {}0 is invalid",
    "unzip -P {} x.zip",
    "echo 'bob:{}' | chpasswd",
    "echo {} | docker login --password-stdin registry",
    "GET /callback?code={}&state=x HTTP/1.1",
    "requirepass {}",
    'masterauth "{}"',
    "user bob on >{} ~* +@all",
    "map[X-Api-Key:[{}] Accept:[*/*]]",
    "rediss://:{}@redis:6379/0",
    "https://bob:{}@pip.corp/simple",
    "redis%3A%2F%2F%3A{}%40redis%3A6379",
    "ldap://cn=admin,dc=x:{}@ldap:389",
    "Driver={{ODBC Driver 17}};Server=x;UID=sa;PWD={};",
    "host=db port=5432 user=bob password={} dbname=x sslmode=require",
    "ray.init(address='auto', _redis_password='{}')",
    'POST /api/jobs/ {{"entrypoint":"python x.py","runtime_env":{{"env_vars":{{"K":"{}"}}}}}}',
    "OTEL_EXPORTER_OTLP_HEADERS=api-key={},x=y",
    "metadata: authorization:[Bearer {}1] user-agent:[x]",
    "Settings(host='x', password=SecretStr('{}'), port=1)",
    "&Config{{Host:db Password:{} Port:1}}",
    "https://x/cb#access_token={}&token_type=bearer",
    "PGPASSWORD={} psql -h db",
    "az login --service-principal -u x -p {} --tenant t",
    "kubectl create secret docker-registry r --docker-password={} --docker-username=b",
    "skopeo copy --src-creds bob:{} docker://x",
    "mount -t cifs //x -o username=b,password={}",
    "key -----BEGIN PRIVATE KEY-----MIIEvQ{}-----END PRIVATE KEY----- loaded",
)


def keys_in_logs() -> Iterator[Canary]:

    for kind in (
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ):
        body = DRAW.of(ALNUM, 640)
        key = pem(kind, body)
        name = kind.lower().replace(" ", "-")
        yield logged(f"{name}.log", f"loaded\n{key}", (body[:60], body[100:120], body[600:630]), "loaded")
        yield logged(f"{name}-escaped.log", f"loaded {json.dumps(key)} from disk", (body[:60], body[600:630]), "loaded")
        yield logged(f"{name}-cut.log", f"loaded\n{key[:400]}", (body[:60], body[200:230]), "loaded")


def lines_of_logs() -> Iterator[Canary]:
    for number, line in enumerate(LINES):
        s = word()
        text = line.replace("{{", "<<").replace("}}", ">>").replace("{}", s).replace("<<", "{").replace(">>", "}")
        yield logged(f"line-{number:02}.log", text, (s,))


def objects_in_logs() -> Iterator[Canary]:
    s = word()
    yield logged("basic.log", f"sent Basic {b64(f'bob:{s}9')} there", (b64(f"bob:{s}9"),), "sent", "there")
    s = word()
    yield logged("encoded.log", f"sent {b64(f'password={s}')} there", (b64(f"password={s}"),), "sent", "there")
    s, t = word(), word()
    yield logged(
        "manifest.log",
        f"apiVersion: v1\ndata:\n  some: {b64(s)}\n  other: |\n    {t}\nkind: Secret\nmetadata:\n  name: ca",
        (b64(s), t),
        "name: ca",
    )
    s = word()
    yield logged(
        "manifest-json.log",
        json.dumps({"apiVersion": "v1", "kind": "Secret", "data": {"some": b64(s)}}, indent=2),
        (b64(s),),
    )
    s = word()
    yield logged(
        "applied.log",
        f'applying {{"kind":"Secret","data":{{"some":"{b64(s)}"}}}} to it',
        (b64(s),),
        "applying",
        "to it",
    )
    s = word()
    yield logged(
        "pod.log",
        f"containers:\n- env:\n  - name: ANY_NAME\n    value: {s}\n  - name: RAY_IP\n    value: 10.0.0.1\n  image: ray",
        (s,),
        "10.0.0.1",
        "image: ray",
    )
    s = word()
    yield logged(
        "describe.log",
        f"    Environment:\n      ANY_NAME:  {s}\n      RAY_IP:  10.0.0.1\n    Mounts:\n      /var/run",
        (s,),
        "10.0.0.1",
        "/var/run",
    )
    s = word()
    klog = "I1125 03:00:00.000000       1 x.go:12] "
    yield logged("klog.log", "\n".join(klog + x for x in ("kind: Secret", "stringData:", f"  any: {s}", "end")), (s,))
    s = word()
    yield logged("env.log", f"env:\n  lower: {s}\n  RAY_IP: 10.0.0.1\nimage: ray", (s,), "10.0.0.1", "image: ray")
    s = word()
    yield logged("block.log", f"spec:\n  password: |\n    {s}\n  user: bob", (s,), "user: bob")
    s = word()
    yield logged("printenv.log", f"HOME=/root\nANY_NAME={s}\nRAY_IP=10.0.0.1", (s,), "/root", "10.0.0.1")


def configurations_of_programs() -> Iterator[Canary]:
    """What people put into ConfigMaps and into a mesh's own objects."""
    s, t = word(), word()
    redis = f"port 6379\nrequirepass {s}\nuser bob on >{t} ~* +@all\n"
    yield case("redis.yaml", dump({"kind": "ConfigMap", "data": {"redis.conf": redis}}), (s, t), "port 6379")
    s, t = word(), word()
    files = {"users.acl": f"user default on >{s}\n", "userlist.txt": f'"bob" "{t}"\n'}
    yield case("users.yaml", dump({"kind": "ConfigMap", "data": files}), (s, t), "users.acl")
    s = word()
    corefile = f".:53 {{\n route53 x {{\n  aws_access_key AKIAIOSFODNN7EXAMPLE {s}\n }}\n}}"
    yield case("corefile.yaml", dump({"kind": "ConfigMap", "data": {"Corefile": corefile}}), (s,), ".:53", "route53")
    s = word()
    yield case("cookies.json", json.dumps({"cookies": [{"name": "sid", "value": s}]}), (s,), "sid")
    s = word()
    metadata = {"PROXY_CONFIG": {"proxyMetadata": {"ANYTHING": s, "ISTIO_META_DNS_CAPTURE": "true"}}}
    yield case("bootstrap.json", json.dumps({"node": {"metadata": metadata}}), (s,), "ISTIO_META_DNS_CAPTURE", "true")
    s = word()
    yield case("redis-cli.yaml", dump(pod({"name": "r", "args": ["redis-cli", "-a", s, "ping"]})), (s,), "ping")
    s = word()
    http = [{"headers": {"request": {"set": {"x-api-key": s, "x-env": "prod"}}}}]
    yield case("routes.yaml", dump({"kind": "VirtualService", "spec": {"http": http}}), (s,), "prod")
    s = word()
    helm = {"parameters": [{"name": "auth.password", "value": s}], "values": f"db:\n  password: {s}\n  host: x\n"}
    yield case("argo.yaml", dump({"kind": "Application", "spec": {"source": {"helm": helm}}}), (s,), "host: x")
    s, t = word(), word()
    scrape = f"- url: http://x\n  basic_auth: {{username: a, password: {s}}}\n  authorization:\n    credentials: {t}\n"
    yield case("prometheus.yaml", dump({"kind": "ConfigMap", "data": {"p.yml": scrape}}), (s, t), "http://x")
    s = word()
    lua = f"function envoy_on_request(h)\n h:headers():add('authorization','Bearer {s}1')\n local x = 1\nend"
    yield case("lua.yaml", dump({"inlineCode": lua}), (s,), "local x = 1")
    s = word()
    jwks = json.dumps({"keys": [{"kty": "RSA", "n": "public", "e": "AQAB", "d": s}]})
    yield case("jwks.yaml", dump({"kind": "RequestAuthentication", "spec": {"jwks": jwks}}), (s,), "AQAB")
    s = word()
    yield case("oauth.json", json.dumps({"name": "o", "generic_secret": {"secret": {"inline_string": s}}}), (s,))


def reports() -> Iterator[Canary]:
    s, t, u = word(), word(), word()
    junit = (
        '<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest"><testcase name="test_a">'
        f'<properties><property name="api_token" value="{s}"/></properties>'
        f'<failure message="AssertionError: password=&quot;{t}&quot;">'
        f"E   assert {{&quot;kind&quot;: &quot;Secret&quot;, &quot;data&quot;: {{&quot;a&quot;: &quot;{u}&quot;}}}}"
        "</failure>"
        "<system-out>fine &lt;&amp;&gt;</system-out></testcase></testsuite></testsuites>"
    )
    yield Canary("junit.xml", Form.XML, junit, (s, t, u), ("test_a", "fine &lt;&amp;&gt;", "AssertionError"))
    s = word()
    record = {"findings": [{"verdict": "v", "ok": False, "seen": f"HTTP 401: Authorization: Bearer {s}1"}]}
    yield Canary("record.json", Form.OBJECT, json.dumps(record), (s,), ("HTTP 401", "verdict"))


CANARIES = (
    *by_form(),
    *secrets_of_kubernetes(),
    *arguments_and_environments(),
    *copies_and_configurations(),
    *logins(),
    *values_by_name(),
    *dumps_of_envoy(),
    *keys_in_logs(),
    *lines_of_logs(),
    *objects_in_logs(),
    *configurations_of_programs(),
    *reports(),
)
