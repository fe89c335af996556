# SPDX-License-Identifier: Apache-2.0
"""Keys of every algorithm that the agent takes, as an operator and an identity provider make them:
files in a folder of keys, and JSON Web Key Sets."""

import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .tokens import base64url

ALGORITHMS = [f"{kind}{bits}" for kind in ("HS", "RS", "ES") for bits in (256, 384, 512)]
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}


def make_key(alg: str):
    """What signs for that algorithm: a secret's bytes, or a private key."""
    if alg in SECRET_BYTES:
        return secrets.token_hex(SECRET_BYTES[alg]).encode()
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg]())
    return rsa.generate_private_key(65537, 2048)


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def write_key(folder: Path, alg: str, key, kid: str | None = None) -> Path:
    """The file that the agent checks with, under the name that says what it is."""
    ending = "secret" if isinstance(key, bytes) else "pem"
    path = folder / ".".join(filter(None, [kid, alg.lower(), ending]))
    folder.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key + b"\n" if isinstance(key, bytes) else public_pem(key))
    return path


def jwk(key, **members) -> dict:
    """The public half as a JSON Web Key (RFC 7517), or a secret."""
    if isinstance(key, bytes):
        return {"kty": "oct", "k": base64url(key), **members}
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), **members}
    size = (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": _number(numbers.x, size),
            "y": _number(numbers.y, size), **members}


def write_jwks(path: Path, *keys: dict) -> Path:
    path.touch(mode=0o600)
    path.write_text(json.dumps({"keys": list(keys)}))
    return path


def _number(value: int, size: int = 0) -> str:
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))
