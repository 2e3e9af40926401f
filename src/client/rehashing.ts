/**
 * A hash that was taken from a user's file counts as long as the file has not been touched since: a package that is
 * published twice must not say of the second state what was true of the first.
 */
import type { Tree } from "../core/tree.ts";
import { FolderTable } from "./folder-lines.ts";
import type { ClientEntry } from "./origin.ts";
import type { FileState } from "./platform.ts";
import { platform } from "./runtime.ts";

/** The entry with the hash of `hashed`, and the state that its file had when it was hashed: at the latest, now. */
export async function withHash(entry: ClientEntry, hashed: ClientEntry): Promise<ClientEntry> {
	const { physicalKey } = entry;
	const { hash } = hashed;
	if (entry.origin?.kind !== "user" || physicalKey.kind !== "file") return { ...entry, hash };
	const hashedAt = hashed.hashedAt ?? (await platform().files?.stat(physicalKey.path));
	return { ...entry, hash, ...(hashedAt === undefined ? {} : { hashedAt }) };
}

/** Forgets the hashes of files that were touched since they were hashed, so that they are taken again. */
export async function forgetTouched(tree: Tree): Promise<void> {
	const { files } = platform();
	const touched: [string, ClientEntry][] = [];
	for (const [key, entry] of hashedEntries(tree)) {
		if (entry.hashedAt === undefined || entry.physicalKey.kind !== "file") continue;
		const stat = await files?.stat(entry.physicalKey.path);
		if (stat === undefined || !sameState(entry.hashedAt, stat)) touched.push([key, entry]);
	}
	for (const [key, { hashedAt: _forgotten, ...entry }] of touched)
		tree.set(key, { ...entry, hash: undefined });
}

/** All entries that may know when they were hashed. */
function* hashedEntries(tree: Tree): Generator<[string, ClientEntry]> {
	for (const part of tree.parts()) {
		if (part.kind === "entry") yield [part.key, part.entry];
		else if (part.table instanceof FolderTable) {
			const { table, low, high, skip, prefix } = part;
			for (let start = low; start < high; start = table.next(start)) {
				yield [prefix + table.key(start, skip), table.entry(start)];
			}
		}
	}
}

function sameState(a: FileState, b: FileState): boolean {
	return (
		a.size === b.size &&
		a.mtimeNs === b.mtimeNs &&
		a.ctimeNs === b.ctimeNs &&
		a.inode === b.inode &&
		a.device === b.device
	);
}
