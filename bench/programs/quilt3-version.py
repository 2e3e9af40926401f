"""quilt3's command, asked for its version."""

import sys

from quilt3.main import main

sys.argv = ["quilt3", "--version"]
main()
