"""quilt3: a folder as a package, pushed to a bucket; prints the top hash."""

import sys

import quilt3

folder, registry, *options = sys.argv[1:]
package = quilt3.Package().set_dir("/", folder)
pushed = package.push("bench/data", registry, force="--force" in options)
print(pushed.top_hash)
