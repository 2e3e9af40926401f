import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseManifest } from "../../../src/core/manifest.ts";
import { createSha256 } from "../../../src/core/sha256.ts";
import { computeTopHash } from "../../../src/core/top-hash.ts";

/** Contents by relative path. */
export type Files = { readonly [path: string]: string | Uint8Array };

export function writeFiles(directory: string, files: Files): void {
	for (const [path, content] of Object.entries(files)) {
		mkdirSync(dirname(join(directory, path)), { recursive: true });
		writeFileSync(join(directory, path), content);
	}
}

/** All files below a directory with their text; `without` leaves out those whose path begins so. */
export function readFiles(directory: string, without: readonly string[] = []): Record<string, string> {
	const found = Object.create(null) as Record<string, string>;
	let names: string[];
	try {
		names = readdirSync(directory, { recursive: true, encoding: "utf8" });
	} catch {
		return found;
	}
	for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
		if (without.some((prefix) => name.startsWith(prefix))) continue;
		const stat = lstatSync(join(directory, name));
		if (stat.isSymbolicLink()) found[name] = `-> ${readlinkSync(join(directory, name))}`;
		else if (stat.isFile()) found[name] = readFileSync(join(directory, name), "utf8");
	}
	return found;
}

/** Everything below a directory (files, links, directories) as one comparable value. */
export function snapshot(directory: string): Record<string, string> {
	const found = Object.create(null) as Record<string, string>;
	let names: string[];
	try {
		names = readdirSync(directory, { recursive: true, encoding: "utf8" });
	} catch {
		return found;
	}
	for (const name of names) {
		const stat = lstatSync(join(directory, name));
		found[name] = stat.isSymbolicLink()
			? `link to ${readlinkSync(join(directory, name))}`
			: stat.isFile()
				? `file ${sha256(readFileSync(join(directory, name)))}`
				: "directory";
	}
	return found;
}

export function sha256(bytes: string | Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

/** The chunked hash of content of at most one part. */
export function chunkedHash(content: string | Uint8Array): string {
	const once = createHash("sha256").update(content).digest();
	if (content.length === 0) return once.toString("base64");
	return createHash("sha256").update(once).digest("base64");
}

export type Fields = { readonly [field: string]: unknown };

/** An entry line for the content at `path`. */
export function entryLine(key: string, path: string, content: string, more: Fields = {}): Fields {
	return {
		logical_key: key,
		physical_keys: [path.includes("://") ? path : `file://${path}`],
		size: content.length,
		hash: { type: "sha2-256-chunked", value: chunkedHash(content) },
		meta: {},
		...more,
	};
}

/**
 * Puts a manifest into a directory registry by hand, as a foreign (or hostile) writer would, and returns its top hash.
 * `lines` are records or raw text.
 */
export function plantRevision(
	registry: string,
	name: string,
	lines: readonly (Fields | string)[],
	options: { readonly header?: Fields | string; readonly topHash?: string; readonly text?: string } = {},
): string {
	const header = options.header ?? { version: "v0", message: null };
	const text =
		options.text ??
		[header, ...lines]
			.map((line) => (typeof line === "string" ? line : JSON.stringify(line)) + "\n")
			.join("");
	const topHash = options.topHash ?? topHashOf(text);
	writeFiles(registry, {
		[`.quilt/packages/${topHash}`]: text,
		[`.quilt/named_packages/${name}/1600000000`]: topHash,
		[`.quilt/named_packages/${name}/latest`]: topHash,
	});
	return topHash;
}

/** The top hash of a manifest's text; one that cannot be read or hashed gets a name all the same. */
export function topHashOf(text: string): string {
	try {
		const { header, tree } = parseManifest(new TextEncoder().encode(text));
		return computeTopHash(header, tree, createSha256);
	} catch {
		return sha256(text);
	}
}

/** The items of an async iterable. */
export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
}
