/** Headers that are kept with an object, and those that an answer tells of a version. */
import type { Bucket, ObjectHeaders, ObjectVersion } from "./bucket.ts";
import { S3Fault } from "./fault.ts";
import type { S3Request } from "./request.ts";

const kept = [
	"content-type",
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"expires",
];
const metadataBytes = 2048;

/** What must be promised and is not: better refused than ignored. Values that mean nothing else than the usual are allowed. */
const refused: Readonly<Record<string, readonly string[]>> = {
	"x-amz-acl": ["private", "bucket-owner-full-control"],
	"x-amz-storage-class": ["STANDARD"],
	"x-amz-tagging": [""],
	"x-amz-server-side-encryption": [],
	"x-amz-server-side-encryption-customer-algorithm": [],
	"x-amz-object-lock-mode": [],
	"x-amz-object-lock-legal-hold": ["OFF"],
	"x-amz-website-redirect-location": [],
	"x-amz-write-offset-bytes": [],
	"x-amz-grant-full-control": [],
	"x-amz-grant-read": [],
	"x-amz-grant-read-acp": [],
	"x-amz-grant-write-acp": [],
};

/** What a request gives with an object. Throws `NotImplemented` and `MetadataTooLarge`. */
export function givenHeaders(request: S3Request): ObjectHeaders {
	for (const [name, allowed] of Object.entries(refused)) {
		const value = request.headers.get(name);
		if (value !== undefined && !allowed.includes(value))
			throw new S3Fault(
				"NotImplemented",
				501,
				`The header ${name} implies functionality that is not implemented.`,
			);
	}
	const given: [string, string][] = [];
	let size = 0;
	for (const [name, value] of request.headers) {
		if (name.startsWith("x-amz-meta-")) {
			size += Buffer.byteLength(name) - 11 + Buffer.byteLength(value);
			given.push([name, value]);
		} else if (name === "content-encoding") {
			const codings = value.split(",").map((coding) => coding.trim());
			const real = codings.filter((coding) => coding !== "" && coding !== "aws-chunked");
			if (real.length > 0) given.push([name, real.join(",")]);
		} else if (kept.includes(name)) given.push([name, value]);
	}
	if (size > metadataBytes)
		throw new S3Fault(
			"MetadataTooLarge",
			400,
			"Your metadata headers exceed the maximum allowed metadata size.",
		);
	// From entries, so that no name of a header can be more than a name.
	return Object.fromEntries(given);
}

/** The id of a version, where versions are or were kept. */
export async function versionHeader(bucket: Bucket, versionId: string): Promise<Record<string, string>> {
	if (versionId === "null" && (await bucket.versioning()) === "none") return {};
	return { "x-amz-version-id": versionId };
}

/** What GET and HEAD tell of a version besides its bytes. */
export async function describeVersion(
	bucket: Bucket,
	version: ObjectVersion,
): Promise<Record<string, string>> {
	return {
		"content-type": "binary/octet-stream",
		...version.headers,
		etag: version.etag,
		"last-modified": new Date(version.lastModified).toUTCString(),
		"accept-ranges": "bytes",
		...(await versionHeader(bucket, version.versionId)),
	};
}
