"""quilt3: the latest revision of a package, installed to a folder."""

import sys

import quilt3

registry, dest = sys.argv[1:]
quilt3.Package.install("bench/data", registry=registry, dest=dest)
