"""What boto3, as its users call it, needs of a server. Prints {name of the check: null, or how it failed}."""

import base64
import hashlib
import io
import json
import os
import sys
import traceback
import uuid

import boto3
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"],
    # Without the version URLs are still signed as in 2006.
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)
MIB = 1024 * 1024
CHECKS = {}


def check(function):
    CHECKS[function.__name__.replace("_", " ")] = function
    return function


def new_bucket(versions=False):
    name = "boto-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    if versions:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def read(bucket, key, **options):
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def same(one, two):
    assert one == two, f"{one!r:.300} is not {two!r:.300}"


def refused(code, call, **options):
    try:
        call(**options)
    except ClientError as error:
        same(error.response["Error"]["Code"], code)
    else:
        raise AssertionError(f"not refused with {code}")


@check
def small_objects_go_there_and_back():
    bucket = new_bucket()
    for key in ["a", "a b+c%#?&=", "ü/日本/😀", "quo'te\"d"]:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"colour": "blue"})
        found = s3.get_object(Bucket=bucket, Key=key)
        same(found["Body"].read(), key.encode())
        same(found["Metadata"], {"colour": "blue"})
        same(s3.head_object(Bucket=bucket, Key=key)["ContentLength"], len(key.encode()))
    same(read(bucket, "a b+c%#?&=", Range="bytes=2-4"), b"b+c")


@check
def files_in_parts_go_there_and_back():
    bucket = new_bucket()
    content = os.urandom(MIB) * 20 + b"end"
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(content), bucket, "large", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(bucket, "large", back, Config=config)
    same(hashlib.sha256(back.getvalue()).hexdigest(), hashlib.sha256(content).hexdigest())
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')


@check
def bodies_of_unknown_length_are_streamed():
    bucket = new_bucket()
    s3.upload_fileobj(io.BytesIO(b""), bucket, "empty")
    same(read(bucket, "empty"), b"")
    s3.put_object(Bucket=bucket, Key="stream", Body=io.BytesIO(b"x" * 100_000))
    same(len(read(bucket, "stream")), 100_000)


@check
def each_checksum_is_computed_sent_and_verified():
    bucket = new_bucket()
    for algorithm in ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"]:
        s3.put_object(Bucket=bucket, Key=algorithm, Body=b"content", ChecksumAlgorithm=algorithm)
        found = s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        same(found["Body"].read(), b"content")
        assert found.get("Checksum" + algorithm), algorithm
    same(
        s3.head_object(Bucket=bucket, Key="SHA256", ChecksumMode="ENABLED")["ChecksumSHA256"],
        base64.b64encode(hashlib.sha256(b"content").digest()).decode(),
    )


@check
def uploads_in_parts_with_each_checksum():
    bucket = new_bucket()
    content = b"y" * (9 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    for algorithm in ["CRC32", "CRC32C", "SHA256", "CRC64NVME"]:
        s3.upload_fileobj(
            io.BytesIO(content), bucket, algorithm, ExtraArgs={"ChecksumAlgorithm": algorithm}, Config=config
        )
        same(read(bucket, algorithm, ChecksumMode="ENABLED"), content)


@check
def pages_of_listings():
    bucket = new_bucket()
    keys = sorted(["a b+c", "d/1", "d/2", "d/e/3", "z&<>"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    same([item["Key"] for page in pages for item in page["Contents"]], keys)
    folded = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="d/")
    same([item["Prefix"] for item in folded["CommonPrefixes"]], ["d/e/"])
    same([item["Key"] for item in folded["Contents"]], ["d/1", "d/2"])
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="d/2")
    same([item["Key"] for item in after["Contents"]], ["d/e/3", "z&<>"])


@check
def versions_and_markers():
    bucket = new_bucket(versions=True)
    ids = [s3.put_object(Bucket=bucket, Key="a", Body=body)["VersionId"] for body in (b"one", b"two")]
    marker = s3.delete_object(Bucket=bucket, Key="a")
    assert marker["DeleteMarker"]
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="a")
    refused("404", s3.head_object, Bucket=bucket, Key="a")
    same(read(bucket, "a", VersionId=ids[0]), b"one")
    listed = s3.list_object_versions(Bucket=bucket)
    same([item["VersionId"] for item in listed["Versions"]], ids[::-1])
    same([item["VersionId"] for item in listed["DeleteMarkers"]], [marker["VersionId"]])
    s3.delete_object(Bucket=bucket, Key="a", VersionId=marker["VersionId"])
    same(read(bucket, "a"), b"two")


@check
def pages_of_versions_and_markers():
    bucket = new_bucket(versions=True)
    ids = [s3.put_object(Bucket=bucket, Key="a", Body=body)["VersionId"] for body in (b"one", b"two")]
    marker = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1}))
    same([item["VersionId"] for page in pages for item in page.get("Versions", [])], ids[::-1])
    same([item["VersionId"] for page in pages for item in page.get("DeleteMarkers", [])], [marker])


@check
def many_are_deleted_at_once():
    bucket = new_bucket()
    for key in ["a", "b&", "c"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b&"}, {"Key": "none"}]})
    same(sorted(item["Key"] for item in answer["Deleted"]), ["a", "b&", "none"])
    same([item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]], ["c"])


@check
def copies_small_and_in_parts():
    one, two = new_bucket(versions=True), new_bucket()
    version = s3.put_object(Bucket=one, Key="a b/ü", Body=b"old")["VersionId"]
    s3.put_object(Bucket=one, Key="a b/ü", Body=b"new")
    s3.copy_object(Bucket=two, Key="copy", CopySource={"Bucket": one, "Key": "a b/ü", "VersionId": version})
    same(read(two, "copy"), b"old")
    content = os.urandom(MIB) * 12
    s3.put_object(Bucket=one, Key="large", Body=content)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.copy({"Bucket": one, "Key": "large"}, two, "large", Config=config)
    assert read(two, "large") == content


@check
def urls_that_are_signed():
    bucket = new_bucket()
    for key in ["a", "a b+c%#?", "ü/日本"]:
        where = {"Bucket": bucket, "Key": key}
        url = s3.generate_presigned_url("put_object", Params=where)
        same(requests.put(url, data=b"by url").status_code, 200)
        same(requests.get(s3.generate_presigned_url("get_object", Params=where)).content, b"by url")


@check
def conditions_of_writes():
    bucket = new_bucket()
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"one", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="a", Body=b"two", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfMatch=etag)
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="a", Body=b"three", IfMatch=etag)
    same(read(bucket, "a"), b"two")


@check
def refusals_have_names():
    bucket = new_bucket()
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="none")
    refused("404", s3.head_object, Bucket=bucket, Key="none")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="no-such-bucket-here")
    refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="a", UploadId="00000000-0000-0000-0000-000000000000")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    refused("InvalidRange", s3.get_object, Bucket=bucket, Key="a", Range="bytes=5-")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    refused("404", s3.head_bucket, Bucket=bucket)


def main():
    results = {}
    for name, function in CHECKS.items():
        try:
            function()
            results[name] = None
        except Exception:
            results[name] = traceback.format_exc(limit=-3)
    json.dump(results, sys.stdout)


main()
