"""Runs SQL on a bucket with DuckDB, and prints the rows of each statement as JSON. Arguments: statements."""

import glob
import json
import os
import sys
from urllib.parse import urlsplit

import duckdb
import duckdb_extension_httpfs

# As it comes from the package index: DuckDB itself would download it.
[extension] = glob.glob(
    os.path.join(os.path.dirname(duckdb_extension_httpfs.__file__), "extensions", f"v{duckdb.__version__}", "httpfs.*")
)
connection = duckdb.connect(config={"threads": 2})
connection.load_extension(extension)
settings = {
    "s3_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
    "s3_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    "s3_endpoint": urlsplit(os.environ["AWS_ENDPOINT_URL_S3"]).netloc,
    "s3_region": os.environ["AWS_REGION"],
    "s3_url_style": "path",
    "s3_use_ssl": False,
    # Parts of 5 MiB: no file has more than 10,000.
    "s3_uploader_max_filesize": "50GB",
}
for name, value in settings.items():
    connection.execute(f"SET {name} = ?", [value])
print(json.dumps([connection.execute(statement).fetchall() for statement in sys.argv[1:]], default=str))
