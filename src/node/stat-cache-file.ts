/** The file of a `StatCache`: what it remembers as columns, with a checksum. */
import { createHash } from "./crypto.mjs";
import { stateFields } from "./file-work.mjs";

const magic = 0x656c_6162; // "bale"
const formatVersion = 2;
const headerBytes = 64;
const checksumAt = 32;
/** Characters of a hash: base64 of 32 bytes. */
export const valueBytes = 44;

/** Files by number: their names below the root, states (`stateFields` for each), and hashes. */
export type StatColumns = {
	readonly names: readonly string[];
	readonly states: BigInt64Array;
	readonly values: Buffer;
};

/** Reads what `encodeColumns` wrote for this root; undefined for anything else. */
export function decodeColumns(file: Buffer, root: string): StatColumns | undefined {
	const header = new Uint32Array(file.buffer, file.byteOffset, headerBytes / 4);
	const [found, version, count = 0, nameBytes = 0, rootBytes = 0] = header;
	if (found !== magic || version !== formatVersion) return undefined;
	const statesAt = headerBytes;
	const valuesAt = statesAt + count * stateFields * 8;
	const rootAt = valuesAt + count * valueBytes;
	const namesAt = rootAt + rootBytes;
	if (file.length !== namesAt + nameBytes) return undefined;
	if (!checksumOf(file).equals(file.subarray(checksumAt, headerBytes))) return undefined;
	if (file.toString("utf8", rootAt, namesAt) !== root) return undefined;
	const names = count === 0 ? [] : file.toString("utf8", namesAt).split("\0");
	if (names.length !== count) return undefined;
	return {
		names,
		states: new BigInt64Array(file.buffer, file.byteOffset + statesAt, count * stateFields),
		values: file.subarray(valuesAt, rootAt),
	};
}

/**
 * Brings a file to other states and some other hashes of the same names: its columns are changed in place. `file` is what
 * `columns` were read from.
 */
export function patchColumns(
	file: Buffer,
	columns: StatColumns,
	states: BigInt64Array,
	values: Iterable<readonly [index: number, value: string]>,
): void {
	columns.states.set(states);
	for (const [index, value] of values) columns.values.write(value, index * valueBytes, "latin1");
	file.set(checksumOf(file), checksumAt);
}

/** The bytes of a file that remembers these columns. */
export function encodeColumns({ names, states, values }: StatColumns, root: string): Buffer {
	const [nameBytes, rootBytes] = [Buffer.from(names.join("\0")), Buffer.from(root)];
	const sizes = [magic, formatVersion, names.length, nameBytes.length, rootBytes.length];
	const header = Buffer.alloc(headerBytes);
	header.set(new Uint8Array(new Uint32Array(sizes).buffer));
	const stateBytes = Buffer.from(states.buffer, states.byteOffset, states.byteLength);
	const file = Buffer.concat([header, stateBytes, values, rootBytes, nameBytes]);
	file.set(checksumOf(file), checksumAt);
	return file;
}

/** SHA-256 of everything but the place of the checksum itself. */
function checksumOf(file: Buffer): Buffer {
	return createHash("sha256")
		.update(file.subarray(0, checksumAt))
		.update(file.subarray(headerBytes))
		.digest();
}
