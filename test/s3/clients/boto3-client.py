"""Uses a bucket as programs with boto3 do, and prints what it saw as JSON. Arguments: bucket (with versions), a folder."""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

bucket, folder = sys.argv[1:]
s3 = boto3.client("s3", config=Config(signature_version="s3v4", retries={"max_attempts": 1}))
seen = {}


def code(call, **arguments):
    try:
        call(**arguments)
        return None
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]


# Whole objects, with every checksum that boto3 can compute here.
for algorithm in ["SHA256", "SHA1", "CRC32"]:
    key = f"sums/{algorithm}"
    put = s3.put_object(Bucket=bucket, Key=key, Body=b"hello", ChecksumAlgorithm=algorithm, Metadata={"who": "me"})
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    field = f"Checksum{algorithm}"
    seen[key] = [put[field] == head[field] == got[field], got["Body"].read().decode(), head["Metadata"]]
seen["bad digest"] = code(s3.put_object, Bucket=bucket, Key="bad", Body=b"hello", ChecksumCRC32="AAAAAA==")

# Streams, whose checksum follows as a trailer.
path = os.path.join(folder, "large.bin")
with open(path, "wb") as file:
    for index in range(20):
        file.write(bytes([index]) * 2**20)
with open(path, "rb") as file:
    s3.put_object(Bucket=bucket, Key="stream", Body=file, ChecksumAlgorithm="CRC32")
config = TransferConfig(multipart_threshold=8 * 2**20, multipart_chunksize=8 * 2**20)
s3.upload_file(path, bucket, "parts/large.bin", Config=config, ExtraArgs={"ChecksumAlgorithm": "SHA256"})
s3.download_file(bucket, "parts/large.bin", path + ".copy", Config=config)
digest = [hashlib.sha256(open(name, "rb").read()).hexdigest() for name in (path, path + ".copy")]
head = s3.head_object(Bucket=bucket, Key="parts/large.bin", ChecksumMode="ENABLED")
seen["parts"] = [digest[0] == digest[1], head["ETag"].endswith('-3"'), head["ChecksumSHA256"].endswith("-3")]
part = s3.get_object(Bucket=bucket, Key="parts/large.bin", PartNumber=3)
seen["part"] = [part["ContentRange"], part["PartsCount"], len(part["Body"].read())]
attributes = s3.get_object_attributes(
    Bucket=bucket, Key="parts/large.bin", ObjectAttributes=["ObjectSize", "Checksum", "ObjectParts", "ETag"]
)
seen["attributes"] = [attributes["ObjectSize"], attributes["ObjectParts"]["TotalPartsCount"]]

# Ranges and conditions.
seen["range"] = s3.get_object(Bucket=bucket, Key="sums/SHA1", Range="bytes=-3")["Body"].read().decode()
seen["no range"] = code(s3.get_object, Bucket=bucket, Key="sums/SHA1", Range="bytes=9-")
etag = s3.head_object(Bucket=bucket, Key="sums/SHA1")["ETag"]
seen["if match"] = code(s3.get_object, Bucket=bucket, Key="sums/SHA1", IfMatch='"other"')
seen["if none match"] = code(s3.get_object, Bucket=bucket, Key="sums/SHA1", IfNoneMatch=etag)
seen["if absent"] = code(s3.put_object, Bucket=bucket, Key="sums/SHA1", Body=b"x", IfNoneMatch="*")

# Copies, with and without their metadata.
source = {"Bucket": bucket, "Key": "sums/SHA256"}
s3.copy_object(Bucket=bucket, Key="copies/a b+c%ü", CopySource=source)
seen["copy"] = s3.head_object(Bucket=bucket, Key="copies/a b+c%ü")["Metadata"]
s3.copy_object(Bucket=bucket, Key="copies/other", CopySource=source, MetadataDirective="REPLACE", Metadata={"who": "you"})
seen["replaced"] = s3.head_object(Bucket=bucket, Key="copies/other")["Metadata"]
s3.copy({"Bucket": bucket, "Key": "parts/large.bin"}, bucket, "copies/large", Config=config)
seen["copied parts"] = s3.head_object(Bucket=bucket, Key="copies/large")["ETag"] == head["ETag"]

# Listings.
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
seen["folders"] = [prefix["Prefix"] for page in pages for prefix in page.get("CommonPrefixes", [])]
seen["v1"] = [item["Key"] for item in s3.list_objects(Bucket=bucket, Prefix="copies/")["Contents"]]

# Versions and deletions.
first = s3.put_object(Bucket=bucket, Key="v", Body=b"one")["VersionId"]
s3.put_object(Bucket=bucket, Key="v", Body=b"two")
marker = s3.delete_object(Bucket=bucket, Key="v")
seen["marker"] = marker["DeleteMarker"]
seen["gone"] = code(s3.get_object, Bucket=bucket, Key="v")
seen["old"] = s3.get_object(Bucket=bucket, Key="v", VersionId=first)["Body"].read().decode()
seen["named marker"] = code(s3.get_object, Bucket=bucket, Key="v", VersionId=marker["VersionId"])
versions = s3.list_object_versions(Bucket=bucket, Prefix="v")
seen["versions"] = [len(versions["Versions"]), len(versions["DeleteMarkers"]), versions["DeleteMarkers"][0]["IsLatest"]]
s3.delete_object(Bucket=bucket, Key="v", VersionId=marker["VersionId"])
seen["back"] = s3.get_object(Bucket=bucket, Key="v")["Body"].read().decode()
deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "v"}, {"Key": "never/was"}]})
seen["deleted"] = sorted(item["Key"] for item in deleted["Deleted"])

# Uploads that are given up.
upload = s3.create_multipart_upload(Bucket=bucket, Key="left")["UploadId"]
part = s3.upload_part(Bucket=bucket, Key="left", UploadId=upload, PartNumber=1, Body=b"x")
seen["listed part"] = s3.list_parts(Bucket=bucket, Key="left", UploadId=upload)["Parts"][0]["ETag"] == part["ETag"]
seen["uploads"] = [item["Key"] for item in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]
s3.abort_multipart_upload(Bucket=bucket, Key="left", UploadId=upload)
seen["aborted"] = code(s3.list_parts, Bucket=bucket, Key="left", UploadId=upload)

# Addresses that can be given away.
url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "copies/a b+c%ü"}, ExpiresIn=60)
seen["presigned"] = urllib.request.urlopen(url).read().decode()
url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "given"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(url, data=b"from away", method="PUT"))
seen["given"] = s3.get_object(Bucket=bucket, Key="given")["Body"].read().decode()
try:
    urllib.request.urlopen(url.replace("given", "taken"))
except urllib.error.HTTPError as error:
    seen["forged"] = error.code

seen["missing bucket"] = code(s3.list_objects_v2, Bucket="no-such-bucket-here")
seen["missing key"] = code(s3.get_object, Bucket=bucket, Key="missing")
seen["location"] = s3.get_bucket_location(Bucket=bucket)["LocationConstraint"]
seen["buckets"] = bucket in [item["Name"] for item in s3.list_buckets()["Buckets"]]
print(json.dumps(seen))
