/** Equal contents in one push, or in an earlier revision at another place: they need not be sent again. */
import type { Hash } from "../core/hash.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import type { CopySource } from "../storage/store.ts";
import { platform } from "./runtime.ts";
import { isInside } from "./prepare.ts";
import { contentHashes } from "./push-content.ts";
import type { Placed, PlacingContext } from "./push-placing.ts";

const beginningBytes = 512;

/** A file to be placed; with `hash` its content is known, with `twin` an object that has it. */
export type Copying = {
	readonly work: Placed;
	readonly hash?: Hash | undefined;
	readonly twin?: CopySource | undefined;
};

/**
 * Finds equal contents: what an earlier revision has at another place need not be sent, and what is pushed
 * under two names is sent once. Only files of equal size are hashed for it.
 */
export async function findTwins(
	place: readonly Placed[],
	{ registry, landing, previous, same, localRoot, options }: PlacingContext,
): Promise<{
	first: Copying[];
	later: { work: Placed; leader: Placed; hash: Hash }[];
}> {
	const first: Copying[] = [];
	const later: { work: Placed; leader: Placed; hash: Hash }[] = [];
	const known = new Map<string, CopySource>();
	const sizes = new Map<number, number>();
	const earlier = new Set<number>();
	const count = (size: number): void => void sizes.set(size, (sizes.get(size) ?? 0) + 1);
	for (const [, entry] of [...(same?.walk() ?? []), ...(previous?.walk() ?? [])]) {
		const source = objectAt(entry.physicalKey);
		if (source === undefined || entry.hash?.type !== "sha2-256-chunked" || entry.size === undefined) continue;
		if (!isInside(registry.store.root, entry.physicalKey)) continue;
		known.set(contentId(entry.size, entry.hash), source);
		count(entry.size);
		earlier.add(entry.size);
	}
	for (const work of place) count(work.size);
	const { copies } = landing;
	const mayHaveTwin = ({ size, from }: Placed): boolean =>
		copies && size > 0 && (sizes.get(size) ?? 0) > 1 && !("object" in from);
	const candidates = await withoutLone(place.filter(mayHaveTwin), earlier);
	const { signal, concurrency, cache } = options;
	const hashes =
		candidates.length === 0
			? []
			: await contentHashes(candidates, { signal, concurrency, cache, root: localRoot });
	const hashOf = new Map(candidates.map((work, index) => [work, hashes[index] as Hash]));
	const leaders = new Map<string, Placed>();
	for (const work of place) {
		const hash = hashOf.get(work);
		if (hash === undefined) {
			first.push({ work });
			continue;
		}
		const id = contentId(work.size, hash);
		const twin = known.get(id);
		const leader = leaders.get(id);
		if (twin === undefined && leader !== undefined) later.push({ work, leader, hash });
		else first.push({ work, hash, twin });
		if (leader === undefined) leaders.set(id, work);
	}
	return { first, later };
}

/**
 * Leaves out the local files that begin like no other of their size, unless an earlier file has the size: many files
 * are of equal size without being equal, and reading all of them twice costs more than reading some bytes of each.
 */
async function withoutLone(candidates: readonly Placed[], earlier: ReadonlySet<number>): Promise<Placed[]> {
	const { files } = platform();
	const beginnings = new Map<string, Placed[]>();
	const kept = new Set<Placed>();
	const buffer = new Uint8Array(beginningBytes);
	for (const work of candidates) {
		const { from, size, entry } = work;
		if (!("path" in from) || files === undefined || earlier.has(size) || entry.hash !== undefined) {
			kept.add(work);
			continue;
		}
		const bytes = buffer.subarray(0, Math.min(size, beginningBytes));
		const source = await files.open(from.path);
		if (source.size !== size || source.readInto === undefined) {
			kept.add(work);
			continue;
		}
		await source.readInto(bytes, 0);
		const id = `${size} ${mark(bytes)}`;
		const alike = beginnings.get(id);
		if (alike === undefined) beginnings.set(id, [work]);
		else alike.push(work);
	}
	for (const alike of beginnings.values()) if (alike.length > 1) for (const work of alike) kept.add(work);
	return candidates.filter((work) => kept.has(work));
}

/** A number that equal bytes share (FNV-1a); others that share it by chance are hashed in vain. */
function mark(bytes: Uint8Array): number {
	let number = 0x811c9dc5;
	for (const byte of bytes) number = Math.imul(number ^ byte, 0x01000193);
	return number;
}

/** An object in a bucket as a source of copies. */
export function objectAt(key: PhysicalKey | undefined): CopySource | undefined {
	if (key?.kind !== "s3") return undefined;
	const { kind: _kind, ...object } = key;
	return object;
}

function contentId(size: number, hash: Hash): string {
	return `${size} ${hash.value}`;
}
