"""What Python's re, jsonschema and PyYAML say: one JSON document in, one out. See judge.ts."""

import json
import re
import sys
import warnings

import jsonschema
import yaml

warnings.simplefilter("ignore")


def pattern(case):
    try:
        compiled = re.compile(case["pattern"])
    except (re.error, OverflowError, RecursionError):
        return None

    def found(text):
        try:
            return compiled.search(text) is not None
        except SystemError:  # a fault of re itself, in groups within possessive repetitions: no verdict
            return None

    return [found(text) for text in case["texts"]]


def schema(case):
    value = json.loads(case["schema"])
    try:
        jsonschema.Draft7Validator.check_schema(value)
    except jsonschema.SchemaError:
        return None
    validator = jsonschema.Draft7Validator(value)

    def judge_value(text):
        try:
            return validator.is_valid(json.loads(text))
        except (OverflowError, ValueError):  # multipleOf with infinity: nothing is published then either
            return False

    return [judge_value(text) for text in case["values"]]


def plain(value):
    """Numbers and dates are one thing here, and keys say whether they are texts."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else f"<{plain(key)}>": plain(member) for key, member in value.items()}
    return "<other>"


def document(text):
    try:
        return json.dumps(plain(yaml.safe_load(text)))
    except (yaml.YAMLError, ValueError):
        return None


judges = {"pattern": pattern, "schema": schema, "yaml": document}
requests = json.load(sys.stdin)
json.dump({kind: [judges[kind](case) for case in cases] for kind, cases in requests.items()}, sys.stdout)
