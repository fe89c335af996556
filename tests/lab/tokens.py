# SPDX-License-Identifier: Apache-2.0
"""Tokens made without the agent's help, good ones and bad ones."""

import base64
import hashlib
import hmac
import json
import time

from .agent import Agent

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: dict, key: bytes, header: dict | None = None) -> str:
    """A token (RFC 7515) with exactly these claims; `none` and unknown algorithms get an HS256
    signature."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    return sign_bytes(json.dumps(header).encode(), json.dumps(claims).encode(), key,
                      header.get("alg"))


def sign_bytes(header: bytes, payload: bytes, key: bytes, alg: str | None = "HS256") -> str:
    """The same for a header and a payload that need not be JSON."""
    signed = f"{base64url(header)}.{base64url(payload)}"
    digest = HASHES.get(alg, hashlib.sha256)
    return f"{signed}.{base64url(hmac.new(key, signed.encode(), digest).digest())}"


def secret_of(agent: Agent) -> bytes:
    return (agent.directory / "secret").read_bytes().rstrip(b"\n")


def token_for(agent: Agent, sub: str = "tester", ttl: float = 3600, **claims) -> str:
    """A token that this agent accepts; `role`, `vms`, `permissions`, … are claims."""
    return sign({"sub": sub, "exp": int(time.time() + ttl), **claims}, secret_of(agent))
