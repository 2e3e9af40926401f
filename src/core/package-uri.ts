/**
 * References to packages: `quilt+s3://` URIs as Quilt's catalog has them, their extensions, and the
 * short forms of the command line. Rules: `docs/format.md`, Package URIs.
 */
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";
import { isLogicalKey } from "./logical-key.ts";
import { parsePackageName } from "./names.ts";
import type { PackageName } from "./names.ts";
import { formatPhysicalKey, hasScheme, parsePhysicalKey } from "./physical-key.ts";

/** A package, perhaps in one revision and one place, and perhaps something in it. */
export type PackageReference = {
	readonly name: PackageName;
	/** `s3://bucket` or a `file:` URL. */
	readonly registry?: string;
	/** A top hash or a prefix of one: 6 to 64 digits. */
	readonly topHash?: string;
	/** Name of a pointer: `latest` or seconds since the epoch. */
	readonly pointer?: string;
	/** A logical key, or a directory with a final slash. */
	readonly path?: string;
	/** Host of a catalog. */
	readonly catalog?: string;
	/** URL of the S3 service, where it is not AWS (bale only). */
	readonly endpoint?: string;
};

/** A package URI always names the registry. */
export type PackageUri = PackageReference & { readonly registry: string };

const uriPattern = /^quilt\+(s3|file):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?#(.*)$/is;

/** Whether `text` begins like a package URI. */
export function isPackageUri(text: string): boolean {
	return /^\s*quilt\+/i.test(text);
}

/**
 * Reads `NAME`, `NAME@HASH`, `NAME:POINTER` or a package URI. Throws `InvalidName`, `InvalidHash`,
 * `InvalidUrl`, or `UnsupportedScheme` for other URLs.
 */
export function parsePackageReference(text: string): PackageReference {
	if (isPackageUri(text)) return parsePackageUri(text);
	if (hasScheme(text) && /^[^/]*:\/\//.test(text)) {
		throw new BaleError("UnsupportedScheme", `"${display(text)}" is not a package reference`, {
			hint: "Use NAME, NAME@HASH, NAME:POINTER or quilt+s3://BUCKET#package=NAME",
			details: { reference: text },
		});
	}
	return parseNameAndRevision(text);
}

/**
 * Reads a `quilt+s3://` or `quilt+file://` URI. The path is decoded once (Quilt's catalog decodes it
 * twice: see `decodePathAgain`). Errors: as `parsePackageReference`.
 */
export function parsePackageUri(text: string): PackageUri {
	const match = uriPattern.exec(text.trim());
	if (match === null) throw invalid(text, "it is not of the form quilt+s3://BUCKET#package=NAME");
	const [, scheme = "", authority = "", path = "", query, fragment = ""] = match;
	const registry =
		scheme.toLowerCase() === "s3" ? s3Registry(text, authority, path) : fileRegistry(text, authority, path);
	const endpoint = query === undefined ? undefined : readEndpoint(text, query);
	const fields = readFragment(text, fragment);
	const reference = fields.get("package");
	if (reference === undefined || reference === "") throw invalid(text, "it names no package");
	const key = fields.get("path") ?? "";
	if (key !== "" && !isLogicalKey(key.endsWith("/") ? key.slice(0, -1) : key)) {
		throw invalid(text, `its path "${display(key)}" is not a logical key`);
	}
	const catalog = fields.get("catalog") ?? "";
	return {
		...parseNameAndRevision(reference),
		registry,
		...(key === "" ? {} : { path: key }),
		...(catalog === "" ? {} : { catalog }),
		...(endpoint === undefined ? {} : { endpoint }),
	};
}

/** Writes a package URI: package, path, catalog, in this order. Throws `InvalidUrl` for other registries. */
export function formatPackageUri(reference: PackageUri): string {
	const { name, topHash, pointer, path, catalog, endpoint } = reference;
	const registry = parsePhysicalKey(reference.registry);
	if (registry.kind === "s3" && (registry.key !== "" || registry.versionId !== undefined)) {
		throw invalid(reference.registry, "a package URI can name a whole bucket only");
	}
	const root = registry.kind === "s3" ? `s3://${registry.bucket}` : formatPhysicalKey(registry);
	const query = endpoint === undefined ? "" : `?endpoint=${encodeURIComponent(endpoint)}`;
	const revision =
		topHash === undefined ? (pointer === undefined ? "" : `:${encode(pointer)}`) : `@${topHash}`;
	const tail = [
		`package=${name}${revision}`,
		...(path === undefined ? [] : [`path=${encode(path)}`]),
		...(catalog === undefined ? [] : [`catalog=${encode(catalog)}`]),
	];
	return `quilt+${root}${query}#${tail.join("&")}`;
}

/**
 * `path` decoded once more, as Quilt's catalog would have it, or undefined when that changes nothing
 * or is not possible. For a logical key that is not in the package as it stands.
 */
export function decodePathAgain(path: string): string | undefined {
	const decoded = decodeComponent(path);
	return decoded === undefined || decoded === path || !isLogicalKey(decoded) ? undefined : decoded;
}

function parseNameAndRevision(text: string): PackageReference {
	const mark = text.search(/[@:]/);
	if (mark < 0) return { name: parsePackageName(text) };
	const name = parsePackageName(text.slice(0, mark));
	const revision = text.slice(mark + 1);
	if (text.charAt(mark) === "@") {
		if (/^[0-9a-f]{6,64}$/.test(revision)) return { name, topHash: revision };
		throw new BaleError(
			"InvalidHash",
			`"${display(revision.slice(0, 100))}" is not a top hash or a prefix of one`,
			{
				hint: "Use 6 to 64 digits 0-9 and a-f",
				details: { hash: revision.slice(0, 100) },
			},
		);
	}
	if (/^[^/\\@:\p{Cc}]+$/u.test(revision) && revision !== "." && revision !== "..")
		return { name, pointer: revision };
	throw invalid(text, `"${display(revision)}" is not the name of a pointer`);
}

function s3Registry(text: string, authority: string, path: string): string {
	const bucket = authority.slice(authority.lastIndexOf("@") + 1).toLowerCase();
	if (bucket === "") throw invalid(text, "the bucket is missing");
	if (path !== "") throw invalid(text, "nothing may stand between bucket and #");
	return `s3://${bucket}`;
}

function fileRegistry(text: string, authority: string, path: string): string {
	if (path === "") throw invalid(text, "the directory is missing");
	return formatPhysicalKey(parsePhysicalKey(`file://${authority}${path}`));
}

/** The only query that is known: `endpoint=URL`. */
function readEndpoint(text: string, query: string): string {
	const value = /^endpoint=([^&]+)$/.exec(query)?.[1];
	const endpoint = value === undefined ? undefined : decodeComponent(value);
	if (endpoint !== undefined && /^https?:\/\/[^/]/i.test(endpoint)) return endpoint;
	throw invalid(text, "nothing but endpoint=URL may stand between bucket and #");
}

/** The form-encoded fields of a fragment; unknown ones are ignored by the caller. */
function readFragment(text: string, fragment: string): ReadonlyMap<string, string> {
	const fields = new Map<string, string>();
	for (const part of fragment.split("&")) {
		const mark = part.indexOf("=");
		const name = decodeComponent((mark < 0 ? part : part.slice(0, mark)).replaceAll("+", " "));
		if (name === undefined || !["package", "path", "catalog"].includes(name)) continue;
		if (fields.has(name)) throw invalid(text, `it has ${name} twice`);
		const value = decodeComponent((mark < 0 ? "" : part.slice(mark + 1)).replaceAll("+", " "));
		if (value === undefined) throw invalid(text, `its ${name} is not percent-encoded UTF-8`);
		fields.set(name, value);
	}
	return fields;
}

function decodeComponent(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined;
	}
}

const encode = encodeURIComponent;

function invalid(text: string, reason: string): BaleError {
	return new BaleError("InvalidUrl", `Cannot use "${display(text)}": ${reason}`, {
		hint: "A package URI looks like quilt+s3://bucket#package=namespace/name",
		details: { uri: text },
	});
}
