"""The real quilt3 behind a line protocol, for the tests of bale.

Every line of standard input is a JSON object with "id", "op" and the op's fields; every line of the answer is
{"id", "result"} or {"id", "error": {"type", "message"}}. Metadata travels as JSON text, so that 1.0 and 1 and
big integers survive. One process serves a whole test file, because importing quilt3 takes a second.
"""

import json
import os
import shutil
import sys
import tempfile

# quilt3 reads these when it is imported.
HOME = tempfile.mkdtemp(prefix="quilt3-home-")
for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
    os.environ[variable] = os.path.join(HOME, variable)
os.environ.update(
    HOME=HOME,
    QUILT_DISABLE_USAGE_METRICS="true",
    QUILT_MINIMIZE_STDOUT="true",
    AWS_EC2_METADATA_DISABLED="true",
)

# Whatever quilt3 prints must not mix with the answers.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(2, 1)

import quilt3  # noqa: E402
from quilt3.packages import Package, PackageEntry  # noqa: E402

CLIENTS = {}


def client_made_once(make, session, options):
    """quilt3 makes several clients in each call, and each takes boto3 half a second."""
    kind = options["config"].signature_version
    if kind not in CLIENTS:
        CLIENTS[kind] = make(session, options)
    return CLIENTS[kind]


quilt3.hooks.set_build_s3_client_hook(client_made_once)


def meta_of(step):
    return json.loads(step["meta_json"]) if "meta_json" in step else None


def apply_steps(package, steps):
    for step in steps:
        op = step["op"]
        if op == "set":
            package.set(step["key"], step["src"], meta=meta_of(step))
        elif op == "set_dir":
            package.set_dir(
                step["key"],
                step["src"],
                meta=meta_of(step),
                update_policy=step.get("update_policy", "incoming"),
            )
        elif op == "set_meta":
            target = package[step["at"]] if "at" in step else package
            target.set_meta(meta_of(step))
        elif op == "delete":
            package.delete(step["key"])
        elif op == "copy_entry":
            package.set(step["key"], package[step["from"]])
        else:
            raise ValueError(f"unknown step {op}")
    return package


def workflow_of(request):
    """Left out and null are different."""
    return {"workflow": request["workflow"]} if "workflow" in request else {}


def manifest_path(registry, top_hash):
    return os.path.join(registry, ".quilt", "packages", top_hash)


def build(request):
    package = apply_steps(Package(), request["steps"])
    package.build(
        request["name"], registry=request["registry"], message=request.get("message"), **workflow_of(request)
    )
    top_hash = package.top_hash
    with open(manifest_path(request["registry"], top_hash), encoding="utf-8", newline="") as manifest:
        return {"top_hash": top_hash, "manifest": manifest.read()}


def push(request):
    """Pushes a new package, or one that is in a registry, to a bucket."""
    if "steps" in request:
        package = apply_steps(Package(), request["steps"])
    else:
        package = Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    pushed = package.push(
        request["to_name"], registry=request["to_registry"], message=request.get("message"), force=True, **workflow_of(request)
    )
    return described(pushed)


def rebuild(request):
    """Reads a revision and builds it again under another name or in another registry."""
    package = Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    package.build(
        request.get("new_name", request["name"]), registry=request["new_registry"], message=request.get("message")
    )
    return {"top_hash": package.top_hash}


def described(package):
    return {
        "top_hash": package.top_hash,
        "meta_json": json.dumps(package.meta),
        "message": package._meta.get("message"),
        "entries": {
            key: {
                "physical_key": str(entry.physical_key),
                "size": entry.size,
                "hash": entry.hash,
                "meta_json": json.dumps(entry.meta),
            }
            for key, entry in package.walk()
        },
    }


def browse(request):
    return described(
        Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    )


def read(request):
    """The bytes of entries, as hex of their SHA-256."""
    import hashlib

    package = Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    return {key: hashlib.sha256(entry.get_bytes()).hexdigest() for key, entry in package.walk()}


def install(request):
    Package.install(
        request["name"],
        registry=request["registry"],
        top_hash=request.get("top_hash"),
        dest=request["dest"],
        dest_registry=request.get("dest_registry"),
    )


def verify(request):
    package = Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    return package.verify(request["dir"], extra_files_ok=request.get("extra_files_ok", False))


def diff(request):
    one, two = (
        Package.browse(request["name"], registry=request["registry"], top_hash=top_hash)
        for top_hash in (request["from"], request["to"])
    )
    added, modified, deleted = one.diff(two)
    return {"added": added, "modified": modified, "deleted": deleted}


def list_packages(request):
    return sorted(quilt3.list_packages(request["registry"]))


def versions(request):
    return [list(version) for version in quilt3.list_package_versions(request["name"], registry=request["registry"])]


def delete(request):
    quilt3.delete_package(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))


def rollback(request):
    Package.rollback(request["name"], request["registry"], request["top_hash"])


def dump(request):
    package = Package.browse(request["name"], registry=request["registry"], top_hash=request.get("top_hash"))
    with open(request["path"], "w", encoding="utf-8") as stream:
        package.dump(stream)


def load(request):
    with open(request["path"], encoding="utf-8") as stream:
        return described(Package.load(stream))


def resolve_hash(request):
    return Package.resolve_hash(request["name"], request["registry"], request["prefix"])


OPERATIONS = {
    function.__name__: function
    for function in (
        build, push, rebuild, browse, read, install, verify, diff, versions, delete, rollback, dump, load,
        list_packages, resolve_hash,
    )
}  # fmt: skip
OPERATIONS["version"] = lambda request: quilt3.__version__


def main():
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            answer["result"] = OPERATIONS[request["op"]](request)
        except Exception as error:  # the tests decide which failures are right
            answer["error"] = {"type": type(error).__name__, "message": str(error)}
        ANSWERS.write(json.dumps(answer) + "\n")
        ANSWERS.flush()


try:
    main()
finally:
    shutil.rmtree(HOME, ignore_errors=True)
