/** Conditions of reads and writes, and ranges. */
import type { ObjectVersion, WriteCondition } from "./bucket.ts";
import { S3Fault } from "./fault.ts";

type Headers = ReadonlyMap<string, string>;
type State = Pick<ObjectVersion, "etag" | "lastModified">;

/** Throws `PreconditionFailed` or, where `prefix` is empty, `NotModified` (304) when a read is not wanted. */
export function checkRead(headers: Headers, version: State, prefix = ""): void {
	const failed = (name: string) =>
		new S3Fault("PreconditionFailed", 412, `The condition ${prefix}${name} did not hold.`);
	const get = (name: string): string | undefined => headers.get(prefix + name);
	const seconds = Math.floor(version.lastModified / 1000);
	const since = (name: string): number | undefined => {
		const time = Date.parse(get(name) ?? "");
		return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
	};
	const ifMatch = get("if-match");
	if (ifMatch !== undefined) {
		if (!matches(ifMatch, version.etag)) throw failed("if-match");
	} else {
		const time = since("if-unmodified-since");
		if (time !== undefined && seconds > time) throw failed("if-unmodified-since");
	}
	const ifNoneMatch = get("if-none-match");
	const time = since("if-modified-since");
	const unchanged =
		ifNoneMatch === undefined ? time !== undefined && seconds <= time : matches(ifNoneMatch, version.etag);
	if (!unchanged) return;
	if (prefix !== "") throw failed(ifNoneMatch === undefined ? "if-modified-since" : "if-none-match");
	throw new S3Fault("NotModified", 304, "", {
		etag: version.etag,
		"last-modified": new Date(version.lastModified).toUTCString(),
	});
}

/** The condition of a write. Throws `NotImplemented` for those that S3 does not have. */
export function writeCondition(headers: Headers): { condition?: WriteCondition } {
	const ifMatch = headers.get("if-match");
	const ifNoneMatch = headers.get("if-none-match");
	const other = ["if-modified-since", "if-unmodified-since"].find((name) => headers.has(name));
	if (other !== undefined || (ifMatch !== undefined && ifNoneMatch !== undefined))
		throw new S3Fault("NotImplemented", 501, "A write takes If-Match or If-None-Match, and one of them.");
	if (ifNoneMatch !== undefined) {
		if (ifNoneMatch !== "*")
			throw new S3Fault("NotImplemented", 501, "A write takes no other If-None-Match than *.");
		return { condition: { ifNoneMatch } };
	}
	return ifMatch === undefined ? {} : { condition: { ifMatch: quoted(ifMatch) } };
}

/** Bytes from `start` to `end` (exclusive) of a content of `size` bytes; undefined: all of it. Throws `InvalidRange`. */
export function readRange(
	text: string | undefined,
	size: number,
): { start: number; end: number } | undefined {
	const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text?.replace(/\s/g, "") ?? "");
	if (parts === null || (parts[1] === "" && parts[2] === "")) return undefined;
	const [, first = "", last = ""] = parts;
	const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
	const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
	if (first !== "" && last !== "" && Number(last) < start) return undefined;
	if (start >= size || (first === "" && Number(last) === 0))
		throw new S3Fault("InvalidRange", 416, "The requested range is not satisfiable", {
			"content-range": `bytes */${size}`,
		});
	return { start, end };
}

function matches(list: string, etag: string): boolean {
	return list.split(",").some((item) => item.trim() === "*" || quoted(item) === etag);
}

/** Clients may leave out the quotes of an ETag. */
export function quoted(etag: string): string {
	const bare = etag.trim().replace(/^W\//, "").replace(/^"|"$/g, "");
	return `"${bare}"`;
}
