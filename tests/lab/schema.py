# SPDX-License-Identifier: Apache-2.0
"""Every message of the agent against the protocol's schema, proto/schema."""

import json
from functools import lru_cache
from pathlib import Path

from jsonschema import Draft202012Validator, RefResolver

SCHEMA = Path(__file__).resolve().parents[2] / "proto/schema"


class SchemaError(AssertionError):
    """The agent sent what the protocol does not allow."""


@lru_cache(maxsize=None)
def documents() -> dict[str, dict]:
    """Every schema by its $id, and by its file URL for those that are referred to by path."""
    store = {}
    for path in sorted(SCHEMA.rglob("*.json")):
        document = json.loads(path.read_text())
        store[path.as_uri()] = document
        if "$id" in document:
            store[document["$id"]] = document
    return store


@lru_cache(maxsize=None)
def validator(direction: str, message_type: str) -> Draft202012Validator:
    path = SCHEMA / direction / f"{message_type}.json"
    document = json.loads(path.read_text())
    resolver = RefResolver(document.get("$id", path.as_uri()), document, store=dict(documents()))
    return Draft202012Validator(document, resolver=resolver)


def check_message(message: object, direction: str = "agent"):
    """Raises SchemaError, with the place in the message, unless `message` fits its schema.
    A type without a schema is an error."""
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or not kind.isidentifier():
        raise SchemaError(f"a message without a type: {shorten(message)}")
    if not (SCHEMA / direction / f"{kind}.json").exists():
        raise SchemaError(f"a message of unknown type {kind!r}: {shorten(message)}")
    errors = sorted(validator(direction, kind).iter_errors(message), key=lambda e: list(e.path))
    if errors:
        places = "\n".join(f"  at /{'/'.join(map(str, e.absolute_path))}: {e.message}"
                           for e in errors[:5])
        raise SchemaError(f"{kind} breaks its schema:\n{places}\n  in {shorten(message)}")


def check_body(name: str, body: object):
    """The same for a body by HTTP that has a schema."""
    for error in validator("http", name).iter_errors(body):
        raise SchemaError(f"{name} breaks its schema: {error.message}")


def shorten(message: object) -> str:
    text = json.dumps(message)
    return text if len(text) <= 2000 else text[:2000] + "…"
