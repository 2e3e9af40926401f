/**
 * Where bytes are. URLs are read as Python's `urllib` and quilt3 8.0.0 read them (not as browsers
 * do) and written in one spelling. Rules: `docs/format.md`, Physical keys.
 */
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";
import { decodeUtf8Lenient, encodeUtf8, isWellFormed } from "./utf8.ts";

/** An object in a bucket, perhaps in one version, or a local file. */
export type PhysicalKey =
	| { readonly kind: "s3"; readonly bucket: string; readonly key: string; readonly versionId?: string }
	/** Absolute, `/`-separated; a drive path is `C:/x`. A final slash says that a directory is meant. */
	| { readonly kind: "file"; readonly path: string };

const usualS3 = /^s3:\/\/([a-z0-9.-]+)\/([A-Za-z0-9_.~/-]*)(?:\?versionId=([A-Za-z0-9_.~-]+))?$/;

/** Whether it names a version that never changes: `null` is what a key has without versions, and can be written over. */
export function isFixedVersion(versionId: string | undefined): boolean {
	return versionId !== undefined && versionId !== "null";
}

/**
 * Reads an `s3:` or `file:` URL. Purely textual: `.`, `..` and `//` of file paths are resolved
 * lexically, those of S3 keys are kept. A fragment is dropped. Throws `InvalidUrl`, or
 * `UnsupportedScheme` for every other scheme.
 */
export function parsePhysicalKey(url: string): PhysicalKey {
	const usual = usualS3.exec(url);
	if (usual !== null) return s3Key(usual[1] ?? "", usual[2] ?? "", usual[3]);
	const { scheme, authority, path, query } = splitUrl(url);
	if (scheme === "s3") {
		if (authority === "") throw malformed(url, "the bucket is missing");
		return s3Key(authority, decodePercent(path).slice(1), parseVersion(url, query));
	}
	if (scheme === "file") {
		if (authority !== "" && authority !== "localhost") throw malformed(url, "a file URL cannot name a host");
		if (path === "") throw malformed(url, "the path is missing");
		if (!path.startsWith("/")) throw malformed(url, "a relative path is not allowed");
		if (query !== "") throw malformed(url, "a file URL cannot have a query");
		return { kind: "file", path: resolvePath(decodePercent(path)) };
	}
	const found = scheme === "" ? "it has no scheme" : `the scheme "${display(scheme)}" is not supported`;
	throw new BaleError("UnsupportedScheme", `Cannot use "${display(url)}": ${found}`, {
		hint: "Use an s3:// or file:// URL",
		details: { url, scheme },
	});
}

/**
 * The one spelling of a physical key: everything but `A-Z a-z 0-9 _ . - ~ /` is percent-encoded, a
 * final slash of a file path is left out. Throws `InvalidUrl` when it cannot be written as UTF-8.
 */
export function formatPhysicalKey(key: PhysicalKey): string {
	if (key.kind === "s3") {
		const version =
			key.versionId === undefined
				? ""
				: `?versionId=${quote(key.versionId, formUnquoted).replaceAll("%20", "+")}`;
		return `s3://${key.bucket}/${quote(key.key, pathUnquoted)}${version}`;
	}
	const path = key.path.replace(/(?!^)\/+$/, "");
	const drive = /^[A-Za-z]:/.exec(path)?.[0];
	return drive === undefined
		? `file://${quote(path, pathUnquoted)}`
		: `file:///${drive}${quote(path.slice(2), pathUnquoted)}`;
}

/**
 * The key of something below `base`: `base` without final slashes, a slash, `relative` without
 * leading ones. Throws `InvalidUrl` when `base` names one version of an object.
 */
export function joinPhysicalKey(base: PhysicalKey, relative: string): PhysicalKey {
	const tail = relative.replace(/^\/+/, "");
	if (base.kind === "file") return { kind: "file", path: `${base.path.replace(/\/+$/, "")}/${tail}` };
	if (base.versionId !== undefined) {
		throw invalid(formatPhysicalKey(base), "nothing can lie below one version of an object");
	}
	return s3Key(base.bucket, base.key === "" ? tail : `${base.key.replace(/\/+$/, "")}/${tail}`, undefined);
}

/** The other way round, in whatever version: the key of something below `base`; undefined when it is not. */
export function keyBelow(base: PhysicalKey, physicalKey: PhysicalKey): string | undefined {
	const isSame =
		base.kind === "s3"
			? physicalKey.kind === "s3" && physicalKey.bucket === base.bucket
			: physicalKey.kind === "file";
	if (!isSame) return undefined;
	const start = base.kind === "s3" ? base.key : base.path;
	const prefix = start === "" ? "" : start.replace(/\/*$/, "/");
	const place = physicalKey.kind === "s3" ? physicalKey.key : physicalKey.path;
	return place.startsWith(prefix) ? place.slice(prefix.length) : undefined;
}

/** Whether both name the same place; a final slash of a file path does not count. */
export function physicalKeyEquals(a: PhysicalKey, b: PhysicalKey): boolean {
	if (a.kind === "s3") {
		return b.kind === "s3" && a.bucket === b.bucket && a.key === b.key && a.versionId === b.versionId;
	}
	return b.kind === "file" && a.path.replace(/(?!^)\/+$/, "") === b.path.replace(/(?!^)\/+$/, "");
}

/** Whether `text` begins like a URL (`word:`); a drive path such as `C:/x` does not. */
export function hasScheme(text: string): boolean {
	return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && !/^[A-Za-z]:[\\/]/.test(text);
}

/** The path of a file key as `system` knows it: on POSIX a path that looks like a drive is below `/`. */
export function pathOnSystem(path: string, system: "posix" | "windows"): string {
	return system === "posix" && !path.startsWith("/") ? `/${path}` : path;
}

function s3Key(bucket: string, key: string, versionId: string | undefined): PhysicalKey {
	return versionId === undefined ? { kind: "s3", bucket, key } : { kind: "s3", bucket, key, versionId };
}

/** Splits as Python's `urlsplit` does; the fragment is left out. */
function splitUrl(url: string): { scheme: string; authority: string; path: string; query: string } {
	let rest = url.replace(/^[\0-\x20]+/, "").replace(/[\t\r\n]/g, "");
	const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(rest)?.[1] ?? "";
	if (scheme !== "") rest = rest.slice(scheme.length + 1);
	let authority = "";
	if (rest.startsWith("//")) {
		const end = rest.slice(2).search(/[/?#]/);
		authority = end < 0 ? rest.slice(2) : rest.slice(2, 2 + end);
		rest = rest.slice(2 + authority.length);
		checkAuthority(url, authority);
	}
	const beforeFragment = rest.split("#", 1)[0] ?? "";
	const mark = beforeFragment.indexOf("?");
	return {
		scheme: scheme.toLowerCase(),
		authority,
		path: mark < 0 ? beforeFragment : beforeFragment.slice(0, mark),
		query: mark < 0 ? "" : beforeFragment.slice(mark + 1),
	};
}

/** Python refuses one-sided brackets, and letters that become delimiters when normalised. */
function checkAuthority(url: string, authority: string): void {
	const plain = authority.replace(/[@:#?]/g, "");
	const normalized = plain.normalize("NFKC");
	if (
		authority.includes("[") !== authority.includes("]") ||
		(plain !== normalized && /[/?#@:]/.test(normalized))
	) {
		throw malformed(url, "the part before the path is malformed");
	}
}

/** The first `versionId` of a form-encoded query; parameters without value count as absent. */
function parseVersion(url: string, query: string): string | undefined {
	let versionId: string | undefined;
	for (const part of query.split("&")) {
		const mark = part.indexOf("=");
		if (mark < 0 || mark === part.length - 1) continue;
		const name = decodePercent(part.slice(0, mark).replaceAll("+", " "));
		if (name !== "versionId") throw malformed(url, `the query "${display(query)}" has more than a versionId`);
		versionId ??= decodePercent(part.slice(mark + 1).replaceAll("+", " "));
	}
	return versionId;
}

/** Percent-decoding: UTF-8 with U+FFFD for invalid bytes; malformed escapes stay as they are. */
function decodePercent(text: string): string {
	return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
		const bytes = new Uint8Array(run.length / 3);
		for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(run.slice(3 * i + 1, 3 * i + 3), 16);
		return decodeUtf8Lenient(bytes);
	});
}

const pathUnquoted = /[^A-Za-z0-9_.~/-]+/g;
const formUnquoted = /[^A-Za-z0-9_.~-]+/g;

function quote(text: string, outside: RegExp): string {
	if (text.search(outside) < 0) return text;
	if (!isWellFormed(text)) throw invalid(text, "it has a character that cannot be written as UTF-8");
	return text.replace(outside, (run) => {
		let quoted = "";
		for (const byte of encodeUtf8(run)) quoted += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
		return quoted;
	});
}

/** Resolves `.`, `..` and empty segments of an absolute path; keeps a final slash. */
function resolvePath(path: string): string {
	const segments: string[] = [];
	for (const segment of path.split("/")) {
		if (segment === "..") segments.pop();
		else if (segment !== "" && segment !== ".") segments.push(segment);
	}
	const slash = path.endsWith("/") ? "/" : "";
	const [first, ...others] = segments;
	if (first === undefined) return "/";
	if (/^[A-Za-z]:$/.test(first)) return `${first}/${others.join("/")}${others.length === 0 ? "" : slash}`;
	return `/${segments.join("/")}${slash}`;
}

/** The error for a URL that has another form than ours have. */
function malformed(url: string, reason: string): BaleError {
	return invalid(url, reason, "Write it as s3://bucket/key, s3://bucket/key?versionId=… or file:///path");
}

function invalid(url: string, reason: string, hint?: string): BaleError {
	return new BaleError("InvalidUrl", `Cannot use "${display(url)}": ${reason}`, {
		...(hint === undefined ? {} : { hint }),
		details: { url },
	});
}
