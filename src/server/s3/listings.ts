/** ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads. */
import { encodeKey } from "../../storage/s3/percent.ts";
import type { Bucket, ListRequest, ObjectVersion } from "./bucket.ts";
import { wholeParameter, type Answer, type Call } from "./call.ts";
import { S3Fault } from "./fault.ts";
import { formatTime, formatXml, type XmlMember } from "./xml-text.ts";

/** Whose everything is. */
export const owner: readonly XmlMember[] = [
	["ID", "bale"],
	["DisplayName", "bale"],
];

/** What all listings have in common. */
type Listing = {
	readonly prefix: string;
	readonly delimiter: string;
	readonly limit: number;
	readonly encoding: string | undefined;
	/** A key as the answer spells it. */
	readonly write: (text: string) => string;
};

function listingOf(call: Call, limitName: string): Listing {
	const { query } = call.request;
	const encoding = query.get("encoding-type");
	if (encoding !== undefined && encoding !== "url")
		throw new S3Fault("InvalidArgument", 400, "Invalid Encoding Method specified in Request");
	return {
		prefix: query.get("prefix") ?? "",
		delimiter: query.get("delimiter") ?? "",
		limit: Math.min(1000, wholeParameter(call, limitName, [0, 2 ** 31 - 1], 1000)),
		encoding,
		write: encoding === undefined ? (text) => text : encodeKey,
	};
}

function requestOf({ prefix, delimiter, limit }: Listing, after: ListRequest["after"]): ListRequest {
	return after === undefined || after.key === ""
		? { prefix, delimiter, limit }
		: { prefix, delimiter, limit, after };
}

function frame(bucket: Bucket, listing: Listing, truncated: boolean): XmlMember[] {
	const { prefix, delimiter, encoding, write } = listing;
	return [
		["Name", bucket.name],
		["Prefix", write(prefix)],
		["Delimiter", delimiter === "" ? undefined : write(delimiter)],
		["EncodingType", encoding],
		["IsTruncated", truncated],
	];
}

export async function listObjectsV2(call: Call, bucket: Bucket): Promise<Answer> {
	const { query } = call.request;
	const listing = listingOf(call, "max-keys");
	const token = query.get("continuation-token");
	const start = query.get("start-after");
	const after = token === undefined ? (start ?? "") : readToken(token);
	const page = await bucket.list(requestOf(listing, { key: after }));
	const { versions, commonPrefixes, next } = page;
	const withOwner = query.get("fetch-owner") === "true";
	return {
		status: 200,
		xml: formatXml("ListBucketResult", [
			...frame(bucket, listing, next !== undefined),
			["MaxKeys", listing.limit],
			["KeyCount", versions.length + commonPrefixes.length],
			["ContinuationToken", token],
			["NextContinuationToken", next && formatToken(next.key)],
			["StartAfter", start === undefined ? undefined : listing.write(start)],
			...versions.map((version) => ["Contents", contents(version, listing, withOwner)] as const),
			...prefixMembers(commonPrefixes, listing),
		]),
	};
}

export async function listObjects(call: Call, bucket: Bucket): Promise<Answer> {
	const listing = listingOf(call, "max-keys");
	const marker = call.request.query.get("marker") ?? "";
	const { versions, commonPrefixes, next } = await bucket.list(requestOf(listing, { key: marker }));
	return {
		status: 200,
		xml: formatXml("ListBucketResult", [
			...frame(bucket, listing, next !== undefined),
			["MaxKeys", listing.limit],
			["Marker", listing.write(marker)],
			["NextMarker", next && listing.write(next.key)],
			...versions.map((version) => ["Contents", contents(version, listing, true)] as const),
			...prefixMembers(commonPrefixes, listing),
		]),
	};
}

export async function listVersions(call: Call, bucket: Bucket): Promise<Answer> {
	const { query } = call.request;
	const listing = listingOf(call, "max-keys");
	const key = query.get("key-marker") ?? "";
	const versionId = query.get("version-id-marker") ?? "";
	if (versionId !== "" && key === "")
		throw new S3Fault(
			"InvalidArgument",
			400,
			"A version-id marker cannot be specified without a key marker.",
		);
	const after = versionId === "" ? { key } : { key, versionId };
	const { versions, commonPrefixes, next } = await bucket.listVersions(requestOf(listing, after));
	return {
		status: 200,
		xml: formatXml("ListVersionsResult", [
			...frame(bucket, listing, next !== undefined),
			["MaxKeys", listing.limit],
			["KeyMarker", listing.write(key)],
			["VersionIdMarker", versionId],
			["NextKeyMarker", next && listing.write(next.key)],
			["NextVersionIdMarker", next?.versionId],
			...versions.map((version) => versionMember(version, listing)),
			...prefixMembers(commonPrefixes, listing),
		]),
	};
}

export async function listUploads(call: Call, bucket: Bucket): Promise<Answer> {
	const { query } = call.request;
	const listing = listingOf(call, "max-uploads");
	const key = query.get("key-marker") ?? "";
	const uploadIdAfter = query.get("upload-id-marker") ?? "";
	const { uploads, commonPrefixes, next } = await bucket.listUploads({
		...requestOf(listing, { key }),
		...(uploadIdAfter === "" || key === "" ? {} : { uploadIdAfter }),
	});
	const [, ...common] = frame(bucket, listing, next !== undefined);
	const person: readonly XmlMember[] = owner;
	return {
		status: 200,
		xml: formatXml("ListMultipartUploadsResult", [
			["Bucket", bucket.name],
			...common,
			["MaxUploads", listing.limit],
			["KeyMarker", listing.write(key)],
			["UploadIdMarker", uploadIdAfter],
			["NextKeyMarker", next && listing.write(next.key)],
			["NextUploadIdMarker", next?.uploadId],
			...uploads.map(
				(upload) =>
					[
						"Upload",
						[
							["Key", listing.write(upload.key)],
							["UploadId", upload.uploadId],
							["Initiator", person],
							["Owner", person],
							["StorageClass", "STANDARD"],
							["Initiated", formatTime(upload.initiated)],
							["ChecksumAlgorithm", upload.algorithm],
							["ChecksumType", upload.checksumType],
						],
					] as const,
			),
			...prefixMembers(commonPrefixes, listing),
		]),
	};
}

function contents(version: ObjectVersion, listing: Listing, withOwner: boolean): XmlMember[] {
	const { checksum } = version;
	return [
		["Key", listing.write(version.key)],
		["LastModified", formatTime(version.lastModified)],
		["ETag", version.etag],
		["ChecksumAlgorithm", checksum?.algorithm],
		["ChecksumType", checksum?.type],
		["Size", version.size],
		["StorageClass", "STANDARD"],
		["Owner", withOwner ? owner : undefined],
	];
}

function versionMember(version: ObjectVersion, listing: Listing): XmlMember {
	const common: XmlMember[] = [
		["Key", listing.write(version.key)],
		["VersionId", version.versionId],
		["IsLatest", version.isLatest],
		["LastModified", formatTime(version.lastModified)],
	];
	if (version.isDeleteMarker) return ["DeleteMarker", [...common, ["Owner", owner]]];
	const { checksum } = version;
	return [
		"Version",
		[
			...common,
			["ETag", version.etag],
			["ChecksumAlgorithm", checksum?.algorithm],
			["ChecksumType", checksum?.type],
			["Size", version.size],
			["StorageClass", "STANDARD"],
			["Owner", owner],
		],
	];
}

function prefixMembers(prefixes: readonly string[], { write }: Listing): XmlMember[] {
	return prefixes.map((prefix) => ["CommonPrefixes", [["Prefix", write(prefix)]]]);
}

/** Continuation tokens are opaque to clients: the key that the next page begins after. */
function formatToken(key: string): string {
	return Buffer.from(key, "utf8").toString("base64url");
}

function readToken(token: string): string {
	const key = Buffer.from(token, "base64url").toString("utf8");
	if (token === "" || formatToken(key) !== token)
		throw new S3Fault("InvalidArgument", 400, "The continuation token provided is incorrect");
	return key;
}
