/** The error of a publisher who was not the last one: who published what in the meantime. */
import { diffTrees } from "../core/diff.ts";
import { BaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { readAuthor } from "./authors.ts";
import type { Registry } from "./registry.ts";

/** What a registry tells of a revision; null where it does not. */
export type RevisionFacts = {
	readonly publishedBy: string | null;
	/** ISO 8601. */
	readonly publishedAt: string | null;
	readonly message: string | null;
	/** What it changes in the files of the revision that it was compared with. */
	readonly changes: {
		readonly added: number;
		readonly modified: number;
		readonly deleted: number;
		/** Some of the keys. */
		readonly keys: readonly string[];
	} | null;
};

const POINTERS_READ = 20;
const KEYS_NAMED = 5;
const unknown: RevisionFacts = { publishedBy: null, publishedAt: null, message: null, changes: null };

/** The error that says who published what and when, as far as the registry tells. */
export async function conflict(
	registry: Registry,
	name: PackageName,
	found: TopHash,
	expected: ReadonlySet<string>,
	signal: AbortSignal | undefined,
): Promise<BaleError> {
	const base = [...expected].at(-1) as TopHash | undefined;
	const facts = await describeRevision(registry, name, found, base, signal);
	const again = `install it into another folder ("bale install ${name} --registry ${registry.location} --dest FOLDER"), do the change there and push that; --force publishes over it`;
	return new BaleError(
		"Conflict",
		`Cannot publish "${name}" to ${registry.location}: its latest revision ${found.slice(0, 10)}` +
			`${formatFacts(facts)} is not one that this package comes from`,
		{
			hint:
				base === undefined
					? `This package comes from no revision of it: ${again}`
					: `Push with --rebase to keep both sides' changes, or ${again}`,
			details: { name, registry: registry.location, found, expected: [...expected], ...facts },
		},
	);
}

/** What is known of a revision, compared with `base` where that can be read. Never throws but for the signal. */
export async function describeRevision(
	registry: Registry,
	name: PackageName,
	topHash: TopHash,
	base: TopHash | undefined,
	signal: AbortSignal | undefined,
): Promise<RevisionFacts> {
	try {
		const pointer = await newestPointer(registry, name, topHash, signal);
		const author = pointer === undefined ? undefined : await readAuthor(registry, name, pointer);
		const read = (hash: TopHash): Promise<Manifest | undefined> =>
			registry.read(hash, { allowUnverified: true, signal }).catch(() => undefined);
		const theirs = await read(topHash);
		const mine = base === undefined ? undefined : await read(base);
		const message = theirs?.header.get("message");
		const diff = theirs && mine && diffTrees(mine.tree, theirs.tree);
		const keys = diff === undefined ? [] : [...diff.modified, ...diff.added, ...diff.deleted];
		return {
			publishedBy: author ?? null,
			publishedAt: pointer === undefined ? null : new Date(Number(pointer) * 1000).toISOString(),
			message: typeof message === "string" ? message : null,
			changes: diff
				? {
						added: diff.added.length,
						modified: diff.modified.length,
						deleted: diff.deleted.length,
						keys: keys.slice(0, KEYS_NAMED),
					}
				: null,
		};
	} catch {
		throwIfAborted(signal);
		return unknown;
	}
}

/** The facts in brackets, or nothing. */
export function formatFacts({ publishedBy, publishedAt, message, changes }: RevisionFacts): string {
	const named = changes?.keys.slice(0, 3).map((key) => JSON.stringify(key)) ?? [];
	const count = changes === null ? 0 : changes.added + changes.modified + changes.deleted;
	const facts = [
		...(publishedBy === null ? [] : [`by ${publishedBy}`]),
		...(publishedAt === null ? [] : [`at ${publishedAt}`]),
		...(message === null || message === "" ? [] : [`with the message ${JSON.stringify(message)}`]),
	];
	const changed =
		count === 0
			? []
			: [
					`changing ${count} file${count === 1 ? "" : "s"}: ${named.join(", ")}${count > named.length ? ", …" : ""}`,
				];
	if (facts.length + changed.length === 0) return "";
	return ` (${[...(facts.length > 0 ? [`published ${facts.join(" ")}`] : []), ...changed].join(", ")})`;
}

/** The newest timestamp that names the revision, looked for among the newest ones only. */
export async function newestPointer(
	registry: Registry,
	name: PackageName,
	topHash: TopHash,
	signal: AbortSignal | undefined,
): Promise<string | undefined> {
	const prefix = layout.pointerPrefix(name);
	const stamps: string[] = [];
	for await (const item of registry.store.list(prefix, { signal })) {
		if ("prefix" in item) continue;
		const pointer = item.key.slice(prefix.length);
		if (/^\d{1,15}$/.test(pointer)) stamps.push(pointer);
	}
	stamps.sort((a, b) => Number(b) - Number(a));
	for (const pointer of stamps.slice(0, POINTERS_READ)) {
		const named = await registry.follow(name, pointer, signal).catch(() => undefined);
		if (named === topHash) return pointer;
	}
	return undefined;
}
