"""quilt3: the same as manifest.mjs, and what bale's command does with one key and two revisions."""

import pathlib
import sys

import quilt3

verb, registry, *rest = sys.argv[1:]
url = pathlib.Path(registry).absolute().as_uri()
if verb == "diff":
    before, after = (quilt3.Package.browse("bench/data", url, top_hash=top_hash) for top_hash in rest)
    added, modified, deleted = before.diff(after)
    print("\n".join([*added, *modified, *deleted]))
else:
    package = quilt3.Package.browse("bench/data", url)
    if verb == "load":
        print(package.top_hash)
    elif verb == "key":
        print(package[rest[0]].get())
    else:
        target, key = rest
        files = sum(name.endswith("7.bin") for name, _ in package.walk())
        chosen = sum(package[folder]["f0007.bin"].size for folder in package if "f0007.bin" in package[folder])
        package[key].set_meta({"changed": True})
        top_hash = package.build("bench/data", pathlib.Path(target).absolute().as_uri())
        print(files, chosen, top_hash)
