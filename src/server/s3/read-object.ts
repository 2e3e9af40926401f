/** GetObject, HeadObject, GetObjectAttributes. */
import type { Bucket, ObjectVersion } from "./bucket.ts";
import type { Answer, Call } from "./call.ts";
import { checksumElement, checksumHeaders } from "./checksums.ts";
import { checkRead, readRange } from "./conditions.ts";
import { S3Fault } from "./fault.ts";
import { describeVersion, versionHeader } from "./object-headers.ts";
import { formatXml, type XmlMember } from "./xml-text.ts";

const overrides = [
	"content-type",
	"content-language",
	"expires",
	"cache-control",
	"content-disposition",
	"content-encoding",
];

type Range = { readonly start: number; readonly end: number };

export async function headObject(call: Call, bucket: Bucket): Promise<Answer> {
	const version = await findVersion(call, bucket, await bucket.head(call.request.key, versionOf(call)));
	const { status, headers } = await describe(call, bucket, version);
	return { status, headers };
}

export async function getObject(call: Call, bucket: Bucket): Promise<Answer> {
	const { key } = call.request;
	const opened = await bucket.open(key, versionOf(call));
	try {
		const found = opened?.version ?? (await bucket.head(key, versionOf(call)));
		const version = await findVersion(call, bucket, found);
		if (opened === undefined) throw noSuch(call);
		const { status, headers, range } = await describe(call, bucket, version);
		return { status, headers, bytes: opened.read(range.start, range.end), close: () => opened.close() };
	} catch (error) {
		await opened?.close();
		throw error;
	}
}

export async function getObjectAttributes(call: Call, bucket: Bucket): Promise<Answer> {
	const version = await findVersion(call, bucket, await bucket.head(call.request.key, versionOf(call)));
	const wanted = (call.request.headers.get("x-amz-object-attributes") ?? "")
		.split(",")
		.map((name) => name.trim());
	if (wanted.join("") === "")
		throw new S3Fault("InvalidArgument", 400, "The x-amz-object-attributes header names no attribute.");
	const { checksum, partSizes } = version;
	const members: XmlMember[] = [];
	if (wanted.includes("ETag")) members.push(["ETag", version.etag.replaceAll('"', "")]);
	if (wanted.includes("Checksum") && checksum !== undefined) {
		const { algorithm, value, type } = checksum;
		members.push([
			"Checksum",
			[
				[checksumElement(algorithm), value.replace(/-\d+$/, "")],
				["ChecksumType", type],
			],
		]);
	}
	if (wanted.includes("ObjectParts") && partSizes !== undefined)
		members.push(["ObjectParts", [["PartsCount", partSizes.length]]]);
	if (wanted.includes("StorageClass")) members.push(["StorageClass", "STANDARD"]);
	if (wanted.includes("ObjectSize")) members.push(["ObjectSize", version.size]);
	return {
		status: 200,
		headers: {
			"last-modified": new Date(version.lastModified).toUTCString(),
			...(await versionHeader(bucket, version.versionId)),
		},
		xml: formatXml("GetObjectAttributesResponse", members),
	};
}

/** The version that a request names, if it names one. */
export function versionOf(call: Call): string | undefined {
	const versionId = call.request.query.get("versionId");
	if (versionId === "") throw new S3Fault("InvalidArgument", 400, "Version id cannot be the empty string");
	return versionId;
}

/** Throws `NoSuchKey`, `NoSuchVersion`, and `MethodNotAllowed` for a delete marker that is named. */
async function findVersion(
	call: Call,
	bucket: Bucket,
	version: ObjectVersion | undefined,
): Promise<ObjectVersion> {
	if (version === undefined) throw noSuch(call);
	if (!version.isDeleteMarker) return version;
	const headers = { "x-amz-delete-marker": "true", ...(await versionHeader(bucket, version.versionId)) };
	if (versionOf(call) === undefined)
		throw new S3Fault("NoSuchKey", 404, "The specified key does not exist.", headers);
	throw new S3Fault("MethodNotAllowed", 405, "The specified version is a delete marker.", {
		...headers,
		allow: "DELETE",
		"last-modified": new Date(version.lastModified).toUTCString(),
	});
}

function noSuch(call: Call): S3Fault {
	return versionOf(call) === undefined
		? new S3Fault("NoSuchKey", 404, "The specified key does not exist.")
		: new S3Fault("NoSuchVersion", 404, "The specified version does not exist.");
}

async function describe(
	call: Call,
	bucket: Bucket,
	version: ObjectVersion,
): Promise<{ status: number; headers: Record<string, string>; range: Range }> {
	const { headers, query } = call.request;
	checkRead(headers, version);
	const part = partOf(call, version);
	const range = part ?? readRange(headers.get("range"), version.size);
	const told = await describeVersion(bucket, version);
	if (headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED" && range === undefined)
		Object.assign(told, checksumHeaders(version));
	for (const name of overrides) {
		const value = query.get(`response-${name}`);
		if (value === undefined) continue;
		if (/[\u0000-\u001f\u007f]/.test(value))
			throw new S3Fault("InvalidArgument", 400, `response-${name} is no value of a header.`);
		told[name] = value;
	}
	const { start, end } = range ?? { start: 0, end: version.size };
	told["content-length"] = String(end - start);
	if (part !== undefined) told["x-amz-mp-parts-count"] = String(version.partSizes?.length ?? 1);
	const partial = range !== undefined && version.size > 0;
	if (partial) told["content-range"] = `bytes ${start}-${end - 1}/${version.size}`;
	return { status: partial ? 206 : 200, headers: told, range: { start, end } };
}

/** Where the part lies that a request names. */
function partOf(call: Call, version: ObjectVersion): Range | undefined {
	const text = call.request.query.get("partNumber");
	if (text === undefined) return undefined;
	if (call.request.headers.has("range"))
		throw new S3Fault(
			"InvalidRequest",
			400,
			"Cannot specify both Range header and partNumber query parameter.",
		);
	const sizes = version.partSizes ?? [version.size];
	const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
	const size = sizes[number - 1];
	if (size === undefined)
		throw new S3Fault("InvalidPartNumber", 416, "The requested partnumber is not satisfiable");
	const start = sizes.slice(0, number - 1).reduce((sum, before) => sum + before, 0);
	return { start, end: start + size };
}
