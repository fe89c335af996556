# SPDX-License-Identifier: Apache-2.0
"""The schemas of proto/schema, its examples and PROTOCOL.md agree with each other."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

PROTO = Path(__file__).resolve().parents[2] / "proto"
SCHEMA = PROTO / "schema"
EXAMPLES = PROTO / "examples"
DIRECTIONS = ("agent", "client")

# Understood alike by python3-jsonschema, ajv and valijson.
KEYWORDS = {
    "$schema", "$id", "$ref", "$defs", "title", "description", "type", "const", "enum", "oneOf",
    "anyOf", "pattern", "required", "properties", "additionalProperties", "items", "minimum",
    "maximum", "minLength", "maxLength", "minItems", "maxItems",
}
# Carries the vocabulary of a message twice: once for an event, once as a snapshot shows it.
TWINS = {
    "snapshot_vm": ("vm", {"metrics"}),
    "snapshot_server": ("server", {"metrics"}),
    "progress": ("operation", {"timestamp"}),
    "alert_event": ("alert", {"timestamp"}),
}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def files(pattern, root=EXAMPLES):
    return sorted(root.glob(pattern))


def name(path):
    return str(path.relative_to(PROTO))


DOCUMENTS = [SCHEMA / "definitions.json", *files("*/*.json", SCHEMA)]
SCHEMAS = DOCUMENTS[1:]
BODIES = [path for path in SCHEMAS if path.parent.name == "http"]
MESSAGES = [path for path in SCHEMAS if path not in BODIES]
STORE = {document["$id"]: document for document in map(load, DOCUMENTS)}
DEFINITIONS = load(DOCUMENTS[0])["$defs"]


def validator(path):
    schema = load(path)
    resolver = jsonschema.RefResolver(schema["$id"], schema, store=STORE)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


VALIDATORS = {(path.parent.name, path.stem): validator(path) for path in SCHEMAS}


def errors(example, direction=None):
    direction = direction or example.parts[-3]
    kind = example.stem if example.parts[-3] == "original" else example.parent.name
    return list(VALIDATORS[direction, kind].iter_errors(load(example)))


def subschemas(node):
    """Every schema below (and with) this one."""
    yield node
    if isinstance(node, bool):
        return
    for key in ("properties", "$defs"):
        for child in node.get(key, {}).values():
            yield from subschemas(child)
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from subschemas(node[key])
    for key in ("oneOf", "anyOf"):
        for child in node.get(key, []):
            yield from subschemas(child)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_schema_is_one(path):
    jsonschema.Draft202012Validator.check_schema(load(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_schema_keeps_to_what_every_validator_understands(path):
    for node in subschemas(load(path)):
        if isinstance(node, bool):
            continue
        assert set(node) <= KEYWORDS
        assert "$ref" not in node or set(node) == {"$ref"}, "nothing may stand beside a $ref"


@pytest.mark.parametrize("path", MESSAGES, ids=name)
def test_a_message_is_named_after_its_file_and_described(path):
    schema = load(path)
    assert schema["$id"].endswith(f"/{path.parent.name}/{path.name}")
    assert schema["properties"]["type"] == {"const": path.stem}
    assert schema["title"] and schema["description"]
    assert "$defs" not in schema, "valijson mixes up definitions of two documents"


@pytest.mark.parametrize("path", BODIES, ids=name)
def test_a_body_is_named_after_its_file_and_described(path):
    schema = load(path)
    assert schema["$id"].endswith(f"/{path.parent.name}/{path.name}")
    assert schema["title"] and schema["description"] and "$defs" not in schema


@pytest.mark.parametrize("path", [*files("client/*.json", SCHEMA),
                                  *files("publisher/*.json", SCHEMA),
                                  *files("http/*_request.json", SCHEMA)], ids=name)
def test_what_the_agent_reads_is_closed(path):
    for node in subschemas(load(path)):
        if isinstance(node, dict) and "properties" in node:
            assert node["additionalProperties"] is False


@pytest.mark.parametrize("path", files("agent/*.json", SCHEMA), ids=name)
def test_what_the_agent_sends_is_open(path):
    for node in subschemas(load(path)):
        assert not isinstance(node, dict) or node.get("additionalProperties") is not False


def test_every_reference_leads_somewhere_and_every_definition_is_used():
    used = set()
    for path in DOCUMENTS:
        expected = "" if path.parent == SCHEMA else "../definitions.json"
        for node in subschemas(load(path)):
            if isinstance(node, dict) and "$ref" in node:
                document, pointer = node["$ref"].split("#/$defs/")
                assert document == expected
                used.add(pointer)
    assert used == set(DEFINITIONS)


@pytest.mark.parametrize("twin", TWINS)
def test_twins_differ_in_nothing_but_what_they_add(twin):
    base, added = TWINS[twin]
    full, plain = DEFINITIONS[twin], DEFINITIONS[base]
    assert {key: value for key, value in full["properties"].items() if key not in added} == \
        plain["properties"]
    assert set(full["required"]) == set(plain["required"]) | added


def test_the_words_of_events_and_requests_are_those_of_the_files():
    agent = {path.stem for path in files("agent/*.json", SCHEMA)}
    assert set(DEFINITIONS["event_name"]["enum"]) <= agent
    client = {path.stem for path in files("client/*.json", SCHEMA)}
    assert set(DEFINITIONS["request_type"]["enum"]) == client


@pytest.mark.parametrize("path", SCHEMAS, ids=name)
def test_a_message_has_examples_of_both_kinds(path):
    where = f"{path.parent.name}/{path.stem}"
    assert len(files(f"valid/{where}/*.json")) >= 2
    assert len(files(f"invalid/{where}/*.json")) >= 3


def test_no_example_is_left_out():
    known = [f"{kind}/{direction}/{message}" for kind in ("valid", "invalid")
             for direction, message in VALIDATORS]
    for example in [*files("valid/**/*.json"), *files("invalid/**/*.json")]:
        assert str(example.parent.relative_to(EXAMPLES)) in known


@pytest.mark.parametrize("example", files("valid/*/*/*.json"), ids=name)
def test_a_valid_example_passes(example):
    assert errors(example) == []


@pytest.mark.parametrize("example", files("invalid/*/*/*.json"), ids=name)
def test_an_invalid_example_fails_in_one_way(example):
    found = errors(example)
    assert found
    # A condition between members (anyOf at the root) may fail along with the member itself.
    single = [error for error in found if not (error.validator == "anyOf" and not error.path)]
    assert len(single) <= 1, [error.message for error in single]


@pytest.mark.parametrize("example", files("invalid/*/*/*.json"), ids=name)
def test_an_invalid_example_is_named_after_what_is_wrong(example):
    """data.vm_ids_0_zero.json: the path first, indexes by underscores, then what is wrong."""
    found = errors(example)
    places = set()
    for error in found:
        path = "".join(f"_{part}" if isinstance(part, int) else f".{part}" for part in error.path)
        places.add(path.lstrip("."))
        if error.validator in ("required", "additionalProperties", "anyOf"):
            continue
        assert example.stem.startswith(path.lstrip(".")), path
    assert places


@pytest.mark.parametrize("example", files("original/agent/*.json"), ids=name)
def test_the_originals_fields_are_kept(example):
    """Nothing that the original sent is refused: messages may only have got more members."""
    for error in errors(example, "agent"):
        if error.validator == "pattern":
            assert error.path[-1] == "timestamp", "the original wrote no milliseconds"
        elif error.validator == "anyOf":
            assert {cause.validator for cause in error.context} <= {"required", "enum", "const"}
        else:
            assert error.validator == "required", error.message


@pytest.mark.parametrize("example", files("original/agent/*.json"), ids=name)
def test_the_originals_fields_are_required(example):
    """Every member that the original's message has is promised by the schema."""
    schema = load(SCHEMA / "agent" / example.name)
    missing_members(load(example), schema, "")


def missing_members(message, schema, path):
    if "$ref" in schema:
        schema = DEFINITIONS[schema["$ref"].split("/")[-1]]
    for member, value in message.items():
        assert member in schema["required"], f"{path}{member}"
        if isinstance(value, dict):
            missing_members(value, schema["properties"][member], f"{path}{member}.")


@pytest.mark.parametrize("example", files("original/client/*.json"), ids=name)
def test_the_originals_requests_are_valid(example):
    assert errors(example, "client") == []
    copy = EXAMPLES / "valid" / "client" / example.stem / "original.json"
    assert copy.read_bytes() == example.read_bytes()


@pytest.mark.parametrize("kind", ["progress", "alert"])
def test_what_the_original_broadcast_can_be_published(kind):
    copy = EXAMPLES / "valid/publisher" / kind / "original.json"
    assert copy.read_bytes() == (EXAMPLES / f"original/agent/{kind}.json").read_bytes()


PAGE = PROTO / "PROTOCOL.md"


@pytest.mark.parametrize("path", MESSAGES, ids=name)
def test_the_page_names_every_message(path):
    assert f"`{path.stem}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("word", sorted(
    {word for definition in ("error_code", "vm_status", "server_status", "permission", "event_name")
     for word in DEFINITIONS[definition]["enum"]}))
def test_the_page_explains_every_word(word):
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("definition", [
    "vm", "server", "libvirt_state", "vm_metrics", "disk_metrics", "network_metrics",
    "vcpu_metrics", "server_metrics", "pool_metrics", "progress", "alert"])
def test_the_page_names_every_field(definition):
    words = set(re.findall(r"[a-z0-9_]+", PAGE.read_text(encoding="utf-8")))
    assert set(DEFINITIONS[definition]["properties"]) <= words


def test_the_page_names_no_word_of_goodbye_too_few():
    text = PAGE.read_text(encoding="utf-8")
    reasons = load(SCHEMA / "agent" / "goodbye.json")["properties"]["data"]["properties"]["reason"]
    for word in reasons["enum"]:
        assert f"`{word}`" in text


def test_the_tools_description_names_every_message_once():
    text = (PROTO / "asyncapi.yaml").read_text(encoding="utf-8")
    payloads = re.findall(r"\$ref: \./schema/([a-z]+/[a-z_]+\.json)\n", text)
    assert sorted(payloads) == sorted(str(path.relative_to(SCHEMA)) for path in MESSAGES)
    used = set(re.findall(r"#/components/messages/([a-z_]+)'", text))
    # Those that are published are named like the events that they become.
    expected = {("published_" if path.parent.name == "publisher" else "") + path.stem
                for path in MESSAGES}
    assert used == expected, "a message that no channel carries"
