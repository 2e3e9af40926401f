/** Objects that are uploaded in parts. */
import { childText } from "../../storage/s3/xml.ts";
import type { Bucket, ObjectChecksum, ObjectVersion, OpenUpload } from "./bucket.ts";
import { using, wholeParameter, type Answer, type Call } from "./call.ts";
import {
	type ChecksumAlgorithm,
	algorithms,
	checksumElement,
	checksumHeader,
	givenChecksums,
	namedAlgorithm,
} from "./checksums.ts";
import { quoted, readRange, writeCondition } from "./conditions.ts";
import { S3Fault } from "./fault.ts";
import { givenHeaders, versionHeader } from "./object-headers.ts";
import { openSource, sourceVersionHeader } from "./write-object.ts";
import { longBytes, malformed, readDocument, requiredText } from "./xml-body.ts";
import { formatTime, formatXml, type XmlMember } from "./xml-text.ts";

const maxParts = 10_000;
const maxPartBytes = 5 * 1024 ** 3;

export async function createUpload(call: Call, bucket: Bucket): Promise<Answer> {
	const { request } = call;
	const algorithm = namedAlgorithm(request.headers.get("x-amz-checksum-algorithm"));
	const checksumType = typeOf(algorithm, request.headers.get("x-amz-checksum-type"));
	const upload = await bucket.startUpload({
		key: request.key,
		headers: givenHeaders(request),
		algorithm,
		checksumType,
	});
	return {
		status: 200,
		headers:
			algorithm === undefined || checksumType === undefined
				? {}
				: { "x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": checksumType },
		xml: formatXml("InitiateMultipartUploadResult", [
			["Bucket", bucket.name],
			["Key", request.key],
			["UploadId", upload.uploadId],
		]),
	};
}

/** SHA-2 sums of parts cannot be joined to one of the whole; CRC-64 is only kept of the whole. */
function typeOf(
	algorithm: ChecksumAlgorithm | undefined,
	given: string | undefined,
): ObjectChecksum["type"] | undefined {
	const invalid = (what: string) => new S3Fault("InvalidRequest", 400, what);
	if (algorithm === undefined) {
		if (given === undefined) return undefined;
		throw invalid(
			"The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
		);
	}
	const type = given ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
	if (type !== "FULL_OBJECT" && type !== "COMPOSITE")
		throw invalid("Value for x-amz-checksum-type header is invalid.");
	const possible = algorithm.startsWith("SHA")
		? "COMPOSITE"
		: algorithm === "CRC64NVME"
			? "FULL_OBJECT"
			: type;
	if (type === possible) return type;
	throw invalid(`The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`);
}

export async function uploadPart(call: Call, bucket: Bucket): Promise<Answer> {
	const { upload, number } = await partOf(call, bucket);
	const { bytes } = await call.body.receive(bucket, call.signal, upload.algorithm ?? "none");
	const part = await using(bytes, () => bucket.putPart(upload, number, bytes));
	const { algorithm } = upload;
	const checksum =
		algorithm === undefined || part.checksum === undefined
			? {}
			: { [checksumHeader(algorithm)]: part.checksum };
	return { status: 200, headers: { etag: part.etag, ...checksum } };
}

export async function copyPart(call: Call, bucket: Bucket): Promise<Answer> {
	const { upload, number } = await partOf(call, bucket);
	const { source, from } = await openSource(call);
	try {
		const { size } = source.version;
		const text = call.request.headers.get("x-amz-copy-source-range");
		const range = text === undefined ? { start: 0, end: size } : exactRange(text, size);
		if (range.end - range.start > maxPartBytes)
			throw new S3Fault("InvalidRequest", 400, "The part is larger than the maximum of 5 GiB.");
		const { algorithm } = upload;
		const wanted = algorithm === undefined ? [] : [algorithm];
		call.keepAlive();
		const bytes = await bucket.receive(source.read(range.start, range.end), wanted, call.signal);
		const part = await using(bytes, () => bucket.putPart(upload, number, bytes));
		return {
			status: 200,
			headers: await sourceVersionHeader(from, source.version),
			xml: formatXml("CopyPartResult", [
				["LastModified", formatTime(part.lastModified)],
				["ETag", part.etag],
				...(algorithm === undefined ? [] : [[checksumElement(algorithm), part.checksum] as const]),
			]),
		};
	} finally {
		await source.close();
	}
}

function exactRange(text: string, size: number): { start: number; end: number } {
	const parts = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text);
	const range = parts === null ? undefined : readRange(text, size);
	if (parts === null || range === undefined || Number(parts[2]) >= size)
		throw new S3Fault(
			"InvalidArgument",
			400,
			"The x-amz-copy-source-range value must be of the form bytes=first-last, within the source.",
		);
	return range;
}

export async function completeUpload(call: Call, bucket: Bucket): Promise<Answer> {
	const { request } = call;
	const upload = await bucket.upload(request.key, uploadIdOf(call));
	const root = await readDocument(call, "CompleteMultipartUpload", longBytes);
	const parts = root.children
		.filter((child) => child.name === "Part")
		.map((part) => {
			const number = requiredText(part, "PartNumber");
			if (!/^\d{1,5}$/.test(number.trim())) throw malformed();
			const { algorithm } = upload;
			const checksum = algorithm === undefined ? undefined : childText(part, checksumElement(algorithm));
			return { number: Number(number), etag: quoted(requiredText(part, "ETag")), checksum };
		});
	if (parts.length === 0 || parts.length > maxParts) throw malformed();
	const expected = { ...writeCondition(request.headers), ...expectedWhole(call, upload) };
	call.keepAlive();
	const version = await bucket.completeUpload(upload, parts, expected);
	return {
		status: 200,
		headers: await versionHeader(bucket, version.versionId),
		xml: formatXml("CompleteMultipartUploadResult", [
			["Location", `/${bucket.name}/${request.key}`],
			["Bucket", bucket.name],
			["Key", request.key],
			["ETag", version.etag],
			...checksumMembers(version),
		]),
	};
}

function expectedWhole(call: Call, upload: OpenUpload): { checksum?: string; size?: number } {
	const { headers } = call.request;
	const type = headers.get("x-amz-checksum-type");
	if (type !== undefined && type !== upload.checksumType)
		throw new S3Fault("InvalidRequest", 400, "The upload was created with another checksum type.");
	const size = headers.get("x-amz-mp-object-size");
	if (size !== undefined && !/^\d{1,15}$/.test(size))
		throw new S3Fault("InvalidRequest", 400, "Value for x-amz-mp-object-size header is invalid.");
	const expected = size === undefined ? {} : { size: Number(size) };
	for (const algorithm of algorithms) {
		const checksum = headers.get(checksumHeader(algorithm));
		if (checksum === undefined) continue;
		if (algorithm !== upload.algorithm)
			throw new S3Fault("InvalidRequest", 400, "The upload was created with another checksum algorithm.");
		return { ...expected, checksum };
	}
	return expected;
}

function checksumMembers({ checksum }: ObjectVersion): XmlMember[] {
	if (checksum === undefined) return [];
	return [
		[checksumElement(checksum.algorithm), checksum.value],
		["ChecksumType", checksum.type],
	];
}

export async function abortUpload(call: Call, bucket: Bucket): Promise<Answer> {
	await bucket.abortUpload(await bucket.upload(call.request.key, uploadIdOf(call)));
	return { status: 204 };
}

export async function listParts(call: Call, bucket: Bucket): Promise<Answer> {
	const upload = await bucket.upload(call.request.key, uploadIdOf(call));
	const after = wholeParameter(call, "part-number-marker", [0, 2 ** 31], 0);
	const limit = Math.min(1000, wholeParameter(call, "max-parts", [0, 2 ** 31], 1000));
	const { parts, next } = await bucket.listParts(upload, after, limit);
	const { algorithm } = upload;
	const members: XmlMember[] = [
		["Bucket", bucket.name],
		["Key", upload.key],
		["UploadId", upload.uploadId],
		["StorageClass", "STANDARD"],
		["PartNumberMarker", after],
		["NextPartNumberMarker", next ?? parts.at(-1)?.number ?? 0],
		["MaxParts", limit],
		["IsTruncated", next !== undefined],
		["ChecksumAlgorithm", algorithm],
		["ChecksumType", upload.checksumType],
	];
	for (const part of parts)
		members.push([
			"Part",
			[
				["PartNumber", part.number],
				["LastModified", formatTime(part.lastModified)],
				["ETag", part.etag],
				["Size", part.size],
				...(algorithm === undefined ? [] : [[checksumElement(algorithm), part.checksum] as const]),
			],
		]);
	return { status: 200, xml: formatXml("ListPartsResult", members) };
}

function uploadIdOf(call: Call): string {
	return call.request.query.get("uploadId") ?? "";
}

async function partOf(call: Call, bucket: Bucket): Promise<{ upload: OpenUpload; number: number }> {
	const number = wholeParameter(call, "partNumber", [1, maxParts], 0);
	if (number === 0) throw new S3Fault("InvalidArgument", 400, "A part needs its number.");
	const upload = await bucket.upload(call.request.key, uploadIdOf(call));
	for (const algorithm of givenChecksums(call.request.headers).keys())
		if (upload.algorithm !== undefined && algorithm !== upload.algorithm)
			throw new S3Fault(
				"InvalidRequest",
				400,
				`Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm.toLowerCase()}, actual checksum Type: ${algorithm.toLowerCase()}`,
			);
	return { upload, number };
}
