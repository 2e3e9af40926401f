"""The authorization headers that botocore gives to requests: one JSON document in, one out. See signatures.test.ts."""

import base64
import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode


def sign(case):
    now = datetime.datetime.fromtimestamp(case["time"] / 1000, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: now
    request = AWSRequest(
        method=case["method"],
        url=f"http://{case['host']}/" + percent_encode(case["path"], safe="/~"),
        headers=case["headers"],
        params=dict(case["query"]),
        data=base64.b64decode(case["body"]),
    )
    keys = Credentials(case["accessKeyId"], case["secretAccessKey"], case.get("sessionToken"))
    botocore.auth.S3SigV4Auth(keys, "s3", case["region"]).add_auth(request)
    return request.headers["Authorization"]


json.dump([sign(case) for case in json.load(sys.stdin)], sys.stdout)
