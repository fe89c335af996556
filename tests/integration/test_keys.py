# SPDX-License-Identifier: Apache-2.0
"""Which tokens are taken with which keys, by HTTP and WebSocket, and which keys are refused at
the start."""

import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.agent import run_agent, toml
from lab.keys import (ALGORITHMS, jwk, make_key, private_pem, public_pem, write_jwks, write_key)
from lab.tokens import base64url, claims_of, sign, sign_bytes
from lab.wait import wait_until

TEST_DRIVER = "test:///default"  # libvirt's own, inside the agent: no daemon is needed
ISSUER = "https://id.example"


class Keys:
    """An agent with keys of all sorts, and what signs for each: by kid."""

    def __init__(self, directory: Path):
        self.folder = directory / "keys"
        self.jwks = directory / "jwks.json"
        self.deny = directory / "deny"
        self.by_kid = {alg: (alg, make_key(alg)) for alg in ALGORITHMS}
        for kid, (alg, key) in self.by_kid.items():
            write_key(self.folder, alg, key, kid)
        self.plain = make_key("HS256")
        write_key(self.folder, "HS256", self.plain)
        (self.folder / ".es256.pem.swp").write_text("of an editor")
        (self.folder / "README~").write_text("of another")
        provider = {"idp-rsa": "RS512", "idp-ec": "ES384", "idp-oct": "HS384"}
        provided = {kid: (alg, make_key(alg)) for kid, alg in provider.items()}
        plain_rsa = make_key("RS256")  # as some providers publish it
        write_jwks(self.jwks, *(jwk(key, kid=kid, alg=alg) for kid, (alg, key) in provided.items()),
                   jwk(plain_rsa, kid="idp-plain", use="sig"),
                   jwk(plain_rsa, kid="idp-enc", use="enc"),
                   {"kty": "OKP", "crv": "Ed25519", "x": base64url(bytes(32))})
        self.by_kid |= provided | {"idp-plain": ("RS256", plain_rsa)}
        self.deny.write_text("# who has left\nsub fired\njti stolen # of a laptop\n")

    def claims(self, **changed) -> dict:
        """Those of a token that is taken; what is None is left out."""
        claims = {"sub": "ann", "role": "viewer", "iss": ISSUER, "aud": "rollo",
                  "iat": int(time.time()), "exp": int(time.time()) + 600, **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str, header: dict | None = None, **changed) -> str:
        alg, key = self.by_kid[kid]
        return sign(self.claims(**changed), key, {"alg": alg, "kid": kid, **(header or {})})


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def agent(module_agents, keys):
    """Nobody without a token; tokens of an hour at most, no leeway."""
    return module_agents(uri=TEST_DRIVER, config={
        "agent": {"log_level": "trace"},
        "auth": {"anonymous": False, "keys_dir": str(keys.folder), "jwks_file": str(keys.jwks),
                 "deny_file": str(keys.deny), "issuer": ISSUER, "audience": "rollo",
                 "leeway_seconds": 0, "max_lifetime_seconds": 3600,
                 "failures_per_minute": 1_000_000,
                 # The same file twice is one key.
                 "hs256_secret_file": str(keys.folder / "hs256.secret")}})


def is_taken(agent, connect, token: str) -> bool:
    """Over HTTP, by a header and by a first message: always the same answer."""
    status, body = agent.get("/api/v1/vms", token)
    assert status in (200, 401)
    if status == 401:
        assert body["code"] == "unauthorized" and set(body) == {"code", "message"}
    by_header = connect(agent, token=token)
    by_message = connect(agent, "/ws?auth=message")
    by_message.send({"type": "auth", "data": {"token": token}})
    for client in (by_header, by_message):
        if status == 200:
            assert client.expect("connection_status")["data"]["user"] == "ann"
        else:
            assert client.expect("goodbye")["data"]["reason"] == "token_invalid"
            assert client.wait_closed()[0] == 4001
            assert [message["type"] for message in client.messages()] == ["goodbye"]
    return status == 200


# --- good ones ------------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("kid", [*ALGORITHMS, "idp-rsa", "idp-ec", "idp-oct", "idp-plain"])
def test_a_token_of_each_algorithm_and_of_each_source_of_keys(agent, connect, keys, kid):
    assert is_taken(agent, connect, keys.token(kid))


def test_a_token_without_a_kid_is_of_the_key_without_one(agent, connect, keys):
    assert is_taken(agent, connect, sign(keys.claims(), keys.plain))
    assert not is_taken(agent, connect, sign(keys.claims(), keys.by_kid["HS256"][1]))
    assert not is_taken(agent, connect, keys.token("HS256", {"kid": ""}))


@pytest.mark.parametrize("changed", [
    {"aud": ["other", "rollo"]}, {"nbf": int(time.time()) - 60}, {"iat": None},
    {"jti": "another"}, {"jti": "x" * 256}, {"unknown": {"a": [1, None]}}])
def test_claims_that_are_fine(agent, connect, keys, changed):
    assert is_taken(agent, connect, keys.token("ES256", **changed))


# --- bad ones: each differs in one thing from a good one ------------------------------------------


def forged(keys: Keys) -> dict[str, str]:
    """What somebody without the key, or with the wrong one, sends."""
    good = keys.token("RS256")
    header, payload, sealed = good.split(".")
    of_another = keys.token("RS256", sub="x").split(".")[2]
    named = {"alg": "RS256", "kid": "RS256"}
    other = base64url(json.dumps(keys.claims(role="admin")).encode())
    rsa_pem = public_pem(keys.by_kid["RS256"][1])
    hs256 = keys.by_kid["HS256"][1]
    claims = keys.claims()
    unsigned = base64url(b'{"alg":"none","kid":"RS256"}') + f".{payload}."
    return {
        "tampered payload": f"{header}.{other}.{sealed}",
        "tampered signature": f"{header}.{payload}.{'B' if sealed[0] != 'B' else 'C'}{sealed[1:]}",
        "signature of another token": f"{header}.{payload}.{of_another}",
        "unknown kid": sign(claims, keys.by_kid["RS256"][1], {"alg": "RS256", "kid": "RS999"}),
        "no kid": sign(claims, keys.by_kid["RS256"][1], {"alg": "RS256"}),
        "kid is a number": sign(claims, keys.by_kid["RS256"][1], {"alg": "RS256", "kid": 7}),
        "right kid, another RSA alg": sign(claims, keys.by_kid["RS256"][1],
                                           {"alg": "RS512", "kid": "RS256"}),
        "right kid, another kind": sign(claims, keys.by_kid["ES256"][1],
                                        {"alg": "ES256", "kid": "RS256"}),
        "another RSA key": sign(claims, make_key("RS256"), named),
        "another EC key": sign(claims, make_key("ES256"), {"alg": "ES256", "kid": "ES256"}),
        "alg none": sign(claims, b"", {"alg": "none", "kid": "RS256"}),
        "alg none, unsigned": unsigned,
        "alg none, with the good signature": unsigned + sealed,
        "alg None": sign(claims, hs256, {"alg": "None", "kid": "HS256"}),
        "the RSA public key as a secret": sign(claims, rsa_pem, {"alg": "HS256", "kid": "RS256"}),
        "the same without a kid": sign(claims, rsa_pem, {"alg": "HS256"}),
        "the RSA public key as the secret of RS256": sign(claims, rsa_pem, named),
        "HS512 with the key of HS256": sign(claims, hs256, {"alg": "HS512", "kid": "HS256"}),
        "HS512 with the key of HS256 and the kid of HS512":
            sign(claims, hs256, {"alg": "HS512", "kid": "HS512"}),
        "HS256 with no key": sign(claims, b"", {"alg": "HS256", "kid": "HS256"}),
        "the key of the provider that is for encryption":
            sign(claims, keys.by_kid["idp-plain"][1], {"alg": "RS256", "kid": "idp-enc"}),
        "PS256": sign(claims, keys.by_kid["RS256"][1], {"alg": "PS256", "kid": "RS256"}),
    }


def malformed(keys: Keys) -> dict[str, str]:
    """What is no token at all, or not a token of one reading."""
    good = keys.token("ES256")
    header, payload, sealed = good.split(".")
    key = keys.by_kid["HS256"][1]
    exp = int(time.time()) + 600
    more = f'"iss":"{ISSUER}","aud":"rollo","exp":{exp}'

    def hs256(header: str, claims: str) -> str:
        return sign_bytes(header.encode(), claims.encode(), key)

    known = '{"alg":"HS256","kid":"HS256"}'
    return {
        "..": "..", "...": "...", "empty header": f".{payload}.{sealed}",
        "empty payload": f"{header}..{sealed}", "empty signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}", "four parts": f"{good}.{sealed}",
        "truncated": good[:-8], "truncated by one": good[:-1], "half of it": good[:len(good) // 2],
        "padding": good + "=",
        "sub twice": hs256(known, '{"sub":"eve","sub":"ann",' + more + "}"),
        "role twice": hs256(known, '{"sub":"ann","role":"viewer","role":"admin",' + more + "}"),
        "alg twice": hs256('{"alg":"none","alg":"HS256","kid":"HS256"}',
                           '{"sub":"ann",' + more + "}"),
        "kid twice": hs256('{"alg":"HS256","kid":"x","kid":"HS256"}',
                           '{"sub":"ann",' + more + "}"),
        "typ of another sort": keys.token("ES256", {"typ": "at+jwt"}),
        "crit": hs256('{"alg":"HS256","kid":"HS256","crit":["exp"]}',
                      '{"sub":"ann",' + more + "}"),
    }


def unwelcome(keys: Keys) -> dict[str, str]:
    """Well signed, and yet not for this agent, not now, or not any more."""
    now = int(time.time())
    changed = {
        "expired": {"exp": now - 1}, "no exp": {"exp": None}, "exp as text": {"exp": str(now + 60)},
        "not yet valid": {"nbf": now + 60}, "nbf as text": {"nbf": str(now)},
        "wrong issuer": {"iss": ISSUER + "/"}, "no issuer": {"iss": None},
        "wrong audience": {"aud": "other"}, "no audience": {"aud": None},
        "wrong audiences": {"aud": ["other", "rollo "]}, "no audiences": {"aud": []},
        "too long lived": {"exp": now + 3700, "iat": None},
        "made too long ago": {"iat": now - 3601 + 600}, "iat as text": {"iat": str(now)},
        "denied by sub": {"sub": "fired"}, "denied by jti": {"jti": "stolen"},
        "jti is a number": {"jti": 7}, "jti too long": {"jti": "x" * 257},
        "no sub": {"sub": None}, "sub is a number": {"sub": 7},
    }
    return {name: keys.token("RS256", **claims) for name, claims in changed.items()}


@pytest.mark.parametrize("bad", [forged, malformed, unwelcome])
def test_a_bad_token_is_refused_everywhere(agent, connect, keys, bad):
    assert is_taken(agent, connect, keys.token("RS256"))
    for name, token in bad(keys).items():
        assert not is_taken(agent, connect, token), name


def test_no_token_and_no_secret_stands_in_the_log(agent, connect, keys):
    token = keys.token("HS256")
    assert is_taken(agent, connect, token)
    log = agent.log()
    assert "token" in log and token.split(".")[2] not in log
    for _, key in keys.by_kid.values():
        if isinstance(key, bytes):
            assert key.decode() not in log
    assert log.count(f"{keys.jwks}: keys[4] is left out: it is not for signatures") == 1
    assert log.count(f"{keys.jwks}: keys[5] is left out: its kty is none of") == 1


# --- keys that the agent does not start with ------------------------------------------------------


def weak_files() -> dict[str, tuple[str, bytes, int, str]]:
    """Name, content and mode of a file in the folder of keys, and a word of the complaint."""
    p256, rsa2048 = make_key("ES256"), make_key("RS256")
    weak = rsa.generate_private_key(65537, 1024)
    other = ec.generate_private_key(ec.SECP256K1())
    return {
        "short HS256": ("hs256.secret", b"y" * 31 + b"\n", 0o600, "31 bytes"),
        "short HS384": ("hs384.secret", b"y" * 47, 0o600, "47 bytes"),
        "short HS512": ("k.hs512.secret", b"y" * 63, 0o600, "63 bytes"),
        "empty secret": ("hs256.secret", b"", 0o600, "0 bytes"),
        "secret for all to read": ("hs256.secret", b"y" * 64, 0o644, "chmod o="),
        "PEM as a secret": ("hs256.secret", public_pem(p256), 0o600, "is a PEM"),
        "RSA-1024": ("rs256.pem", public_pem(weak), 0o644, "1024 bits"),
        "EC as RS256": ("rs256.pem", public_pem(p256), 0o644, "no RSA key"),
        "P-256 as ES384": ("es384.pem", public_pem(p256), 0o644, "secp384r1"),
        "secp256k1 as ES256": ("es256.pem", public_pem(other), 0o644, "prime256v1"),
        "RSA as ES256": ("es256.pem", public_pem(rsa2048), 0o644, "prime256v1"),
        "private key": ("es256.pem", private_pem(p256), 0o600, "is a private key"),
        "public key for all to write": ("es256.pem", public_pem(p256), 0o666, "chmod o-w"),
        "no PEM": ("es256.pem", b"y" * 64, 0o644, "no PEM"),
        "unknown algorithm": ("ps256.pem", public_pem(rsa2048), 0o644, "[KID.]ALG.pem"),
        "another name": ("my.key", b"y" * 64, 0o600, "[KID.]ALG.secret"),
    }


@pytest.fixture
def file(tmp_path) -> Path:
    """A configuration with one good key beside it."""
    path = tmp_path / "agent.toml"
    path.write_text(toml({"libvirt": {"uri": TEST_DRIVER},
                          "server": {"listen": ["127.0.0.1:0"]}}))
    write_key(tmp_path / "keys", "HS256", make_key("HS256"), "good")
    return path


def refused(file: Path, *named: str, secret: bytes = b"") -> str:
    """It neither checks nor starts nor signs with them, and says so alike."""
    said = set()
    for command in (["--check-config"], [], ["token", "--sub", "me"]):
        done = run_agent("--config", str(file), *command)
        assert done.returncode == 2 and not done.stdout, command
        said.add(done.stderr)
    assert len(said) == 1
    complaint = said.pop()
    for word in named:
        assert word in complaint
    content = secret.decode().strip()
    assert len(content) < 8 or content[:8] not in complaint.replace("-----BEGIN", "")
    return complaint


@pytest.mark.short
def test_a_weak_key_is_refused_at_the_start_and_nothing_of_it_is_told(file):
    for name, (key, content, mode, word) in weak_files().items():
        path = file.parent / "keys" / key
        path.write_bytes(content)
        path.chmod(mode)
        refused(file, "auth.keys_dir", str(path), word, secret=content.replace(b"-----BEGIN", b""))
        path.unlink()
        assert run_agent("--config", str(file), "--check-config").returncode == 0, name


def test_a_key_set_with_a_key_that_is_no_good_is_refused(file):
    p256 = make_key("ES256")
    jwks = file.parent / "jwks.json"
    file.write_text(file.read_text() + toml({"auth": {"jwks_file": str(jwks)}}))
    refused(file, "auth.jwks_file", str(jwks), "No such file")
    good = jwk(p256, kid="good")
    private = {**good, "d": base64url(b"d" * 32)}
    for keys, word in [([good, good], "two ES256 keys with the kid good"),
                       ([good, private], "keys[1]: is a private key"),
                       ([{**good, "alg": "ES384"}], "keys[0]: its alg does not go with its crv"),
                       ([{**good, "y": good["x"]}], "keys[0]: is no point on its curve"),
                       ([jwk(rsa.generate_private_key(65537, 1024))], "1024 bits"),
                       ([jwk(b"hunter2hunter2", alg="HS256")], "14 bytes")]:
        write_jwks(jwks, *keys)
        refused(file, "auth.jwks_file", str(jwks), word)
    write_jwks(jwks, jwk(b"s" * 32, alg="HS256"))
    jwks.chmod(0o644)
    refused(file, str(jwks), "chmod o=")
    jwks.chmod(0o600)
    assert run_agent("--config", str(file), "--check-config").returncode == 0


def test_two_keys_that_one_token_could_mean_are_refused_with_both_files(file):
    first = file.parent / "keys/good.hs256.secret"
    second = file.parent / "more/good.hs256.secret"
    second.parent.mkdir()
    second.touch(mode=0o600)
    second.write_bytes(make_key("HS256"))
    file.write_text(file.read_text() + toml({"auth": {"key_files": [str(second)]}}))
    refused(file, f"{first}: there are two HS256 keys with the kid good", str(second))


def test_a_deny_list_that_cannot_be_read_is_named_with_its_line(file):
    deny = file.parent / "deny"
    deny.write_text("sub ann\nhunter2hunter2\n")
    assert "hunter2" not in refused(file, f"auth.deny_file: {deny}:2: a line is")
    deny.unlink()
    assert run_agent("--config", str(file), "--check-config").returncode == 0
    file.write_text(file.read_text() + toml({"auth": {"deny_file": str(deny)}}))
    refused(file, f"auth.deny_file: {deny}: No such file or directory")


def test_a_folder_of_keys_that_is_configured_and_not_there_is_an_error(file):
    file.write_text(file.read_text() + toml({"auth": {"keys_dir": "/nowhere"}}))
    refused(file, "auth.keys_dir: /nowhere: No such file or directory")


# --- the commands ---------------------------------------------------------------------------------


@pytest.mark.short
def test_a_key_follows_another_and_each_signs_its_own_tokens(agents, connect):
    """Rotation, as docs/keys.md has it, up to the moment where a running agent notices."""
    agent = agents(uri=TEST_DRIVER, start=False, config={"auth": {"anonymous": False}})
    del agent.config["auth"]["hs256_secret_file"]
    agent.write_config()

    def command(*arguments: str):
        return run_agent("--config", str(agent.config_path), *arguments)

    assert command("key", "new", "--kid", "2026-11").returncode == 0
    agent.start()
    old = command("token", "--sub", "ann", "--role", "viewer").stdout.strip()
    assert agent.get("/api/v1/vms", old)[0] == 200
    made = command("key", "new", "--kid", "2026-12", "--algorithm", "hs512")
    path = agent.directory / "keys/2026-12.hs512.secret"
    assert made.returncode == 0 and made.stdout.startswith(f"{path}: ")
    assert len(path.read_text().strip()) == 128
    listed = command("key", "list").stdout
    assert "2026-12  HS512  128 bytes" in listed and "2026-11  HS256  64 bytes" in listed
    assert path.read_text().strip() not in listed

    new = command("token", "--sub", "ann", "--role", "viewer").stdout.strip()
    still = command("token", "--sub", "ann", "--role", "viewer", "--kid", "2026-11").stdout.strip()
    agent.reload()
    wait_until(lambda: agent.get("/api/v1/vms", new)[0] == 200, what="the new key is taken")
    assert agent.get("/api/v1/vms", old)[0] == 200 == agent.get("/api/v1/vms", still)[0]
    (agent.directory / "keys/2026-11.hs256.secret").unlink()
    agent.reload()
    wait_until(lambda: agent.get("/api/v1/vms", old)[0] == 401, what="the old key is out")
    assert agent.get("/api/v1/vms", new)[0] == 200


def test_a_token_can_be_denied_by_the_id_that_the_command_tells(file):
    def token(*arguments: str):
        return run_agent("--config", str(file), "token", "--sub", "ann", *arguments)

    plain, told = token(), token("--print-id")
    assert not plain.stderr and plain.stdout.count(".") == 2
    jti = told.stderr.strip().removeprefix("rollo-agent: the token's id (jti) is ")
    claims = claims_of(told.stdout)
    assert claims["jti"] == jti and len(jti) == 32
    assert jti != claims_of(plain.stdout)["jti"]
    (file.parent / "deny").write_text("sub ann\n")
    denied = token()
    assert denied.returncode == 2 and not denied.stdout and "auth.deny_file" in denied.stderr


def test_what_a_command_cannot_do_it_says(file):
    file.write_text(file.read_text() + toml({"auth": {"max_lifetime_seconds": 3600}}))
    for arguments, word in [(["token", "--sub", "me", "--ttl", "3601s"],
                             "auth.max_lifetime_seconds"),
                            (["token", "--sub", "me", "--kid", "none"], "key list"),
                            (["login-link", "--kid", "none"], "key list")]:
        done = run_agent("--config", str(file), *arguments,
                         environment={"ROLLO_SERVER_LISTEN": "127.0.0.1:8780"})
        assert done.returncode == 2 and word in done.stderr and not done.stdout, arguments
    for arguments, word in [(["--kid", "../x"], "letters"), (["--algorithm", "es256"], "hs256")]:
        done = run_agent("--config", str(file), "key", "new", *arguments)
        assert done.returncode == 1 and word in done.stderr and not done.stdout
    assert len(list((file.parent / "keys").iterdir())) == 1
