/** DeleteObject, DeleteObjects. */
import { childText, type XmlElement } from "../../storage/s3/xml.ts";
import type { Bucket, DeleteCondition } from "./bucket.ts";
import type { Answer, Call } from "./call.ts";
import { quoted } from "./conditions.ts";
import { S3Fault } from "./fault.ts";
import { versionOf } from "./read-object.ts";
import { longBytes, malformed, readDocument, requiredText } from "./xml-body.ts";
import { formatXml, type XmlMember } from "./xml-text.ts";

const maxKeys = 1000;

export async function deleteObject(call: Call, bucket: Bucket): Promise<Answer> {
	const { headers, key } = call.request;
	const unsupported = ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"].find((name) =>
		headers.has(name),
	);
	const versionId = versionOf(call);
	const gone = await bucket.delete(
		key,
		versionId,
		deleteCondition(headers.get("if-match"), versionId, unsupported),
	);
	if (gone === undefined) return { status: 204 };
	const kept = gone.versionId !== "null" || (await bucket.versioning()) !== "none";
	return {
		status: 204,
		headers: {
			...(kept ? { "x-amz-version-id": gone.versionId } : {}),
			...(gone.isDeleteMarker ? { "x-amz-delete-marker": "true" } : {}),
		},
	};
}

/** Throws `NotImplemented`, as S3 does, for conditions that only directory buckets have, and for one on a version. */
function deleteCondition(
	etag: string | undefined,
	versionId: string | undefined,
	unsupported: string | undefined,
): DeleteCondition | undefined {
	const refused = unsupported ?? (versionId === undefined || etag === undefined ? undefined : "on a version");
	if (refused !== undefined)
		throw new S3Fault("NotImplemented", 501, `A deletion with the condition ${refused} is not implemented.`);
	if (etag === undefined) return undefined;
	return { ifMatch: etag.trim() === "*" ? "*" : quoted(etag) };
}

/** Each key has a result of its own; one that fails does not stop the others. */
export async function deleteObjects(call: Call, bucket: Bucket): Promise<Answer> {
	const root = await readDocument(call, "Delete", longBytes);
	const objects = root.children.filter((child) => child.name === "Object");
	if (objects.length === 0 || objects.length > maxKeys) throw malformed();
	const quiet = childText(root, "Quiet")?.trim().toLowerCase() === "true";
	const results: XmlMember[] = [];
	for (const object of objects) {
		call.signal.throwIfAborted();
		const result = await deleteOne(object, bucket);
		if (!quiet || result[0] === "Error") results.push(result);
	}
	return { status: 200, xml: formatXml("DeleteResult", results) };
}

async function deleteOne(object: XmlElement, bucket: Bucket): Promise<XmlMember> {
	const key = requiredText(object, "Key");
	const versionId = childText(object, "VersionId");
	try {
		const unsupported = ["LastModifiedTime", "Size"].find((name) => childText(object, name) !== undefined);
		const condition = deleteCondition(childText(object, "ETag"), versionId, unsupported);
		const gone = await bucket.delete(key, versionId, condition);
		const marked = gone?.isDeleteMarker === true;
		return [
			"Deleted",
			[
				["Key", key],
				["VersionId", versionId],
				["DeleteMarker", marked ? true : undefined],
				["DeleteMarkerVersionId", marked ? gone.versionId : undefined],
			],
		];
	} catch (error) {
		if (!(error instanceof S3Fault)) throw error;
		return [
			"Error",
			[
				["Key", key],
				["VersionId", versionId],
				["Code", error.code],
				["Message", error.message],
			],
		];
	}
}
