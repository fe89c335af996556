# SPDX-License-Identifier: Apache-2.0
"""Tokens made without the agent's help, good ones and bad ones."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .agent import Agent

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: dict, key, header: dict | None = None) -> str:
    """A token (RFC 7515) with exactly these claims. `key`: a secret, or a private key of
    cryptography's. `none` and unknown algorithms get the signature of HS256, or of the key's kind
    with SHA-256."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    return sign_bytes(json.dumps(header).encode(), json.dumps(claims).encode(), key,
                      header.get("alg"))


def sign_bytes(header: bytes, payload: bytes, key, alg: str | None = "HS256") -> str:
    """The same for a header and a payload that need not be JSON."""
    signed = f"{base64url(header)}.{base64url(payload)}"
    return f"{signed}.{base64url(signature(signed.encode(), key, alg))}"


def signature(signed: bytes, key, alg: str | None) -> bytes:
    """RFC 7518 §3.2 to §3.4."""
    if isinstance(key, bytes):
        return hmac.new(key, signed, HASHES.get(alg, hashlib.sha256)).digest()
    sha = {"384": hashes.SHA384(), "512": hashes.SHA512()}.get((alg or "")[-3:], hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), sha)
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big")
                    for number in decode_dss_signature(key.sign(signed, ec.ECDSA(sha))))


def claims_of(token: str) -> dict:
    """What a token says, whoever signed it."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def secret_of(agent: Agent) -> bytes:
    return (agent.directory / "secret").read_bytes().rstrip(b"\n")


def token_for(agent: Agent, sub: str = "tester", ttl: float = 3600, **claims) -> str:
    """A token that this agent accepts; `role`, `vms`, `permissions`, … are claims."""
    return sign({"sub": sub, "exp": int(time.time() + ttl), **claims}, secret_of(agent))
