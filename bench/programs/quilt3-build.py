"""quilt3: a folder as a package, built into a directory registry; prints the top hash."""

import pathlib
import sys

import quilt3

folder, registry = sys.argv[1:]
package = quilt3.Package().set_dir("/", folder)
print(package.build("bench/data", registry=pathlib.Path(registry).absolute().as_uri()))
