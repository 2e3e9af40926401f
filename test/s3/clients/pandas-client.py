"""Uses a bucket with pandas, over s3fs and over pyarrow, and prints what it saw as JSON. Arguments: bucket, key of a table in CSV."""

import json
import os
import sys
import traceback
from urllib.parse import urlsplit

import pandas as pd
import s3fs
from pyarrow import dataset
from pyarrow.fs import FileSelector, S3FileSystem



def use(bucket, table):
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    # Parts of 5 MiB, so that the larger files have several.
    options = {"endpoint_url": endpoint, "default_block_size": 5 * 2**20, "config_kwargs": {"s3": {"addressing_style": "path"}}}
    seen = {}

    pushed = pd.read_csv(f"s3://{bucket}/{table}", storage_options=options)
    seen["pushed"] = pushed.to_dict("list")

    rows = pd.DataFrame({"id": range(200_000), "text": [f"row {index} of many, many rows" for index in range(200_000)]})
    rows.to_csv(f"s3://{bucket}/tables/rows.csv", index=False, storage_options=options)
    rows.to_parquet(f"s3://{bucket}/tables/rows.parquet", compression=None, storage_options=options)
    seen["csv"] = pd.read_csv(f"s3://{bucket}/tables/rows.csv", storage_options=options).equals(rows)
    seen["parquet"] = pd.read_parquet(f"s3://{bucket}/tables/rows.parquet", storage_options=options).equals(rows)
    columns = pd.read_parquet(f"s3://{bucket}/tables/rows.parquet", columns=["id"], storage_options=options)
    seen["column"] = [list(columns), int(columns["id"].sum())]

    s3 = s3fs.S3FileSystem(**options)
    s3.pipe(f"{bucket}/files/a b+c%ü.txt", b"odd")
    s3.copy(f"{bucket}/files/a b+c%ü.txt", f"{bucket}/files/copy")
    s3.mv(f"{bucket}/files/copy", f"{bucket}/files/moved")
    with s3.open(f"{bucket}/files/a b+c%ü.txt") as file:
        seen["part"] = [file.seek(1), file.read().decode()]
    seen["files"] = [[path.split("/", 1)[1], s3.size(path)] for path in s3.find(f"{bucket}/files")]
    s3.rm(f"{bucket}/files/moved")
    seen["removed"] = [s3.exists(f"{bucket}/files/moved"), s3.exists(f"{bucket}/files/a b+c%ü.txt")]

    arrow = S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        scheme=urlsplit(endpoint).scheme,
        endpoint_override=urlsplit(endpoint).netloc,
    )
    # pyarrow makes objects of the folders.
    rows.head(1000).assign(kind=rows["id"] % 2).to_parquet(f"{bucket}/parted", partition_cols=["kind"], filesystem=arrow)
    parted = dataset.dataset(f"{bucket}/parted", filesystem=arrow, partitioning="hive")
    seen["parted"] = [len(parted.files), parted.count_rows(filter=dataset.field("kind") == 1)]
    arrow.create_dir(f"{bucket}/made/by hand")
    seen["made"] = [info.path for info in arrow.get_file_info(FileSelector(f"{bucket}/made", recursive=True))]
    arrow.delete_dir(f"{bucket}/made")
    seen["arrow"] = int(pd.read_parquet(f"{bucket}/tables/rows.parquet", filesystem=arrow)["id"].max())
    return seen


status = 0
try:
    print(json.dumps(use(*sys.argv[1:])), flush=True)
except BaseException:
    traceback.print_exc()
    status = 1
# Arrow may wait for its threads for ever when Python ends in the usual way.
os._exit(status)
