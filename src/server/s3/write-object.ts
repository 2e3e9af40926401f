/** PutObject, CopyObject. */
import type { Bucket, ObjectVersion, OpenedObject } from "./bucket.ts";
import { bucketOf, using, type Answer, type Call } from "./call.ts";
import { checksumElement, checksumHeaders, fullChecksum, namedAlgorithm } from "./checksums.ts";
import { checkRead, writeCondition } from "./conditions.ts";
import { S3Fault } from "./fault.ts";
import { givenHeaders, versionHeader } from "./object-headers.ts";
import { formatTime, formatXml, type XmlMember } from "./xml-text.ts";

const maxCopyBytes = 5 * 1024 ** 3;

export async function putObject(call: Call, bucket: Bucket): Promise<Answer> {
	const { request, body, signal } = call;
	const headers = givenHeaders(request);
	const condition = writeCondition(request.headers);
	const { bytes, checksum } = await body.receive(bucket, signal);
	const facts = { headers, checksum, ...condition };
	const version = await using(bytes, () => bucket.put(request.key, bytes, facts));
	return {
		status: 200,
		headers: {
			etag: version.etag,
			...(await versionHeader(bucket, version.versionId)),
			...checksumHeaders(version),
		},
	};
}

export async function copyObject(call: Call, bucket: Bucket): Promise<Answer> {
	const { request, signal } = call;
	const given = givenHeaders(request);
	const condition = writeCondition(request.headers);
	const directive = request.headers.get("x-amz-metadata-directive") ?? "COPY";
	if (directive !== "COPY" && directive !== "REPLACE")
		throw new S3Fault("InvalidArgument", 400, "Unknown metadata directive.");
	const { source, from } = await openSource(call);
	try {
		const { version } = source;
		if (from.bucket === bucket.name && from.key === request.key && directive === "COPY" && from.isLatest)
			throw new S3Fault(
				"InvalidRequest",
				400,
				"This copy request is illegal because it is trying to copy an object to itself without changing its metadata.",
			);
		if (version.size > maxCopyBytes)
			throw new S3Fault(
				"InvalidRequest",
				400,
				"The specified copy source is larger than the maximum of 5 GiB.",
			);
		const algorithm =
			namedAlgorithm(request.headers.get("x-amz-checksum-algorithm")) ??
			version.checksum?.algorithm ??
			"CRC64NVME";
		call.keepAlive();
		const bytes = await bucket.receive(source.read(0, version.size), [algorithm], signal);
		const facts = {
			headers: directive === "COPY" ? version.headers : given,
			checksum: fullChecksum(algorithm, bytes.digests),
			...condition,
		};
		const written = await using(bytes, () => bucket.put(request.key, bytes, facts));
		return {
			status: 200,
			headers: {
				...(await versionHeader(bucket, written.versionId)),
				...(await sourceVersionHeader(from, version)),
			},
			xml: formatXml("CopyObjectResult", copyMembers(written)),
		};
	} finally {
		await source.close();
	}
}

/** What a copy is told as. */
function copyMembers(written: ObjectVersion): XmlMember[] {
	const { checksum } = written;
	return [
		["LastModified", formatTime(written.lastModified)],
		["ETag", written.etag],
		["ChecksumType", checksum?.type],
		...(checksum === undefined ? [] : [[checksumElement(checksum.algorithm), checksum.value] as const]),
	];
}

export type CopySource = {
	readonly bucket: string;
	readonly owner: Bucket;
	readonly key: string;
	/** The request names no version of it. */
	readonly isLatest: boolean;
};

export async function sourceVersionHeader(
	from: CopySource,
	version: ObjectVersion,
): Promise<Record<string, string>> {
	const header = await versionHeader(from.owner, version.versionId);
	const versionId = header["x-amz-version-id"];
	return versionId === undefined ? {} : { "x-amz-copy-source-version-id": versionId };
}

/**
 * The object that `x-amz-copy-source` names, opened, after its conditions; who calls it closes it. Throws `InvalidArgument`,
 * `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`, `PreconditionFailed`, and `InvalidRequest` for a delete marker.
 */
export async function openSource(call: Call): Promise<{ source: OpenedObject; from: CopySource }> {
	const { bucket, key, versionId } = parseSource(call.request.headers.get("x-amz-copy-source") ?? "");
	const owner = bucketOf(call.buckets, bucket);
	const source = await owner.open(key, versionId);
	if (source === undefined) {
		const found = versionId === undefined ? undefined : await owner.head(key, versionId);
		if (found?.isDeleteMarker === true)
			throw new S3Fault("InvalidRequest", 400, "The source of a copy request may not be a delete marker.");
		throw versionId === undefined
			? new S3Fault("NoSuchKey", 404, "The specified key does not exist.")
			: new S3Fault("NoSuchVersion", 404, "The specified version does not exist.");
	}
	try {
		checkRead(call.request.headers, source.version, "x-amz-copy-source-");
	} catch (error) {
		await source.close();
		throw error;
	}
	return { source, from: { bucket, owner, key, isLatest: versionId === undefined } };
}

/** `[/]bucket/key[?versionId=…]`, percent-encoded. */
function parseSource(text: string): { bucket: string; key: string; versionId: string | undefined } {
	const invalid = () => new S3Fault("InvalidArgument", 400, "The x-amz-copy-source header names no object.");
	const parts = /^\/?([^/?]+)\/([^?]+)(?:\?versionId=([^&]+))?$/s.exec(text);
	if (parts === null) throw invalid();
	try {
		const versionId = parts[3] === undefined ? undefined : decodeURIComponent(parts[3]);
		return { bucket: parts[1] ?? "", key: decodeURIComponent(parts[2] ?? ""), versionId };
	} catch {
		throw invalid();
	}
}
