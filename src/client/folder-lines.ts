/** A hashed folder as lines of a manifest, instead of an object for each file. */
import { EntryLines } from "../core/entry-lines.ts";
import type { Lines } from "../core/directory.ts";
import { emptyObject } from "../core/json.ts";
import { isLogicalKey } from "../core/logical-key.ts";
import { ManifestTable, type TableFacts } from "../core/manifest-table.ts";
import { formatPhysicalKey } from "../core/physical-key.ts";
import type { RandomBytes } from "../core/random-bytes.ts";
import type { Tree } from "../core/tree.ts";
import { refuseInvalid } from "./folder.ts";
import { userOrigin, type ClientEntry } from "./origin.ts";
import type { FileState, HashedFolder } from "./platform.ts";

const type = "sha2-256-chunked";
const stateFields = 5;
const plain = /^[A-Za-z0-9_.~/-]+$/;

/** Entries that know the state that their file had when it was hashed. */
export class FolderTable extends ManifestTable {
	readonly #starts: Float64Array;
	readonly #states: BigInt64Array;

	constructor(source: RandomBytes, facts: TableFacts, starts: Float64Array, states: BigInt64Array) {
		super(source, facts);
		this.#starts = starts;
		this.#states = states;
	}

	override entry(start: number): ClientEntry {
		const hashedAt = this.stateOf(start);
		return { ...super.entry(start), origin: userOrigin, hashedAt };
	}

	/** Of the file of the line at `start`. */
	stateOf(start: number): FileState {
		const at = this.#indexOf(start) * stateFields;
		const [device = 0n, inode = 0n, size = 0n, mtimeNs = 0n, ctimeNs = 0n] = this.#states.subarray(
			at,
			at + 5,
		);
		return { device, inode, size: Number(size), mtimeNs, ctimeNs };
	}

	#indexOf(start: number): number {
		let [low, high] = [0, this.#starts.length];
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#starts[middle] as number) < start) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

/** Whether nothing was ever put into a tree, so that it can be made of lines. */
export function isUntouched({ root }: Tree): boolean {
	return root.lines === undefined && root.names().next().done === true;
}

/** All files of a folder as the content of a directory of a package. Throws `InvalidKey`. */
export function linesOfFolder(folder: HashedFolder): Lines {
	const lines = new EntryLines();
	const base = folder.root === "/" ? "" : folder.root;
	const baseUrl = base === "" ? "file://" : formatPhysicalKey({ kind: "file", path: base });
	const invalid: string[] = [];
	for (let index = 0; index < folder.keys.length; index++) {
		const key = folder.keys[index] as string;
		const size = Number(folder.states[index * stateFields + 2]);
		const value = folder.hashes[index] ?? "";
		const path = folder.paths.get(index);
		if (path === undefined && plain.test(key)) {
			lines.addPlain(key, `${baseUrl}/${key}`, size, type, value);
			continue;
		}
		if (!isLogicalKey(key)) invalid.push(key);
		const physicalKey = { kind: "file", path: path ?? `${base}/${key}` } as const;
		lines.add(key, { physicalKey, size, hash: { type, value }, meta: emptyObject });
	}
	refuseInvalid(invalid, folder.root);
	const { source, facts, starts, canonical } = lines.finish();
	const table = new FolderTable(source, facts, starts, folder.states);
	table.canonical = canonical;
	return { table, low: table.low, high: table.high, skip: 0 };
}
