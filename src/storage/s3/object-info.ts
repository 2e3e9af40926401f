/** What the headers of an answer tell of an object. */
import type { Checksum, ObjectInfo } from "../store.ts";
import { parseChecksum } from "./checksum.ts";
import type { TransportResponse } from "./transport.ts";

/** What an answer's headers tell of an object. */
export function infoOf(key: string, response: TransportResponse, size: number): ObjectInfo {
	const checksum = parseChecksum(response.header("x-amz-checksum-sha256"));
	const modified = Date.parse(response.header("last-modified") ?? "");
	return {
		key,
		size,
		etag: response.header("etag") ?? "",
		modifiedAt: new Date(Number.isNaN(modified) ? 0 : modified),
		...versionOf(response),
		...(checksum === undefined ? {} : { checksum }),
	};
}

/** What was written; it has the time of the server's answer. */
export function writtenInfo(
	key: string,
	size: number,
	etag: string,
	checksum: Checksum,
	response: TransportResponse,
): ObjectInfo {
	const date = Date.parse(response.header("date") ?? "");
	return {
		key,
		size,
		etag,
		modifiedAt: new Date(Number.isNaN(date) ? Date.now() : date),
		checksum,
		...versionOf(response),
	};
}

function versionOf(response: TransportResponse): Pick<ObjectInfo, "versionId"> {
	const versionId = response.header("x-amz-version-id");
	return versionId === undefined ? {} : { versionId };
}
