/**
 * Who published what: one small file for each timestamp pointer, beside the registry's own folder. Its first line is
 * the author, the second the top hash, so that a pointer that another client has overwritten can be written again.
 */
import { layout } from "../core/layout.ts";
import { isPackageName, type PackageName } from "../core/names.ts";
import { isTopHash, type TopHash } from "../core/top-hash.ts";
import type { Registry } from "./registry.ts";

export type Publication = {
	/** The timestamp pointer that was written. */
	readonly pointer: string;
	readonly author: string;
	/** Absent in records of earlier releases. */
	readonly topHash?: TopHash;
};

const RECORD_LIMIT_CHARACTERS = 1000;
const AUTHOR_LIMIT_CHARACTERS = 200;

/** Best effort: a revision without its author is complete. */
export async function recordAuthor(
	registry: Registry,
	name: PackageName,
	{ pointer, author, topHash }: Publication,
	signal?: AbortSignal,
): Promise<void> {
	const text = topHash === undefined ? author : `${author.split("\n", 1)[0] ?? ""}\n${topHash}`;
	await registry.store
		.put(layout.author(name, pointer), new TextEncoder().encode(text), { signal })
		.catch(() => undefined);
}

/** Best effort. */
export async function forgetAuthor(registry: Registry, name: PackageName, pointer: string): Promise<void> {
	await registry.store.delete(layout.author(name, pointer)).catch(() => undefined);
}

/** Who wrote a timestamp pointer, when bale did and could tell. */
export async function readAuthor(
	registry: Registry,
	name: PackageName,
	pointer: string,
): Promise<string | undefined> {
	return (await readPublication(registry, name, pointer))?.author;
}

/** The packages that bale has recorded publications of, with the pointers that it wrote, one package after another. */
export async function* publicationNames(
	registry: Registry,
	signal?: AbortSignal,
): AsyncGenerator<{ readonly name: PackageName; readonly pointers: readonly string[] }, void> {
	let name: PackageName | undefined;
	let pointers: string[] = [];
	for await (const item of registry.store.list(layout.authorsPrefix, { signal })) {
		if ("prefix" in item) continue;
		const found = /^([^/]+\/[^/]+)\/(\d{1,15})$/.exec(item.key.slice(layout.authorsPrefix.length));
		const [, at = "", pointer = ""] = found ?? [];
		if (!isPackageName(at)) continue;
		if (name !== undefined && at !== name) {
			yield { name, pointers };
			pointers = [];
		}
		name = at;
		pointers.push(pointer);
	}
	if (name !== undefined) yield { name, pointers };
}

/** What bale recorded of a timestamp pointer. */
export async function readPublication(
	registry: Registry,
	name: PackageName,
	pointer: string,
	signal?: AbortSignal,
): Promise<Publication | undefined> {
	const object = await registry.store.get(layout.author(name, pointer), { signal }).catch(() => undefined);
	if (object === undefined) return undefined;
	const text = (await new Response(object.body).text()).slice(0, RECORD_LIMIT_CHARACTERS);
	const [author = "", topHash = ""] = text.split("\n");
	return {
		pointer,
		author: author.slice(0, AUTHOR_LIMIT_CHARACTERS),
		...(isTopHash(topHash) ? { topHash } : {}),
	};
}
