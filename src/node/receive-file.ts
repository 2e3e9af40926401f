/** Writing a file from bytes of elsewhere: those that are delivered need no stream and no memory for each piece. */
import { chunkedHashValue, createHasher, type Hash, type HashType, partSize } from "../core/hash.ts";
import { BaleError } from "../core/errors.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { chunksOf } from "../storage/byte-source.ts";
import type { ByteRange, ByteSource } from "../storage/store.ts";
import { WaitingLine } from "../storage/waiting-line.ts";
import { type Concurrency, limitOf, mapPool } from "../transfer/pool.ts";
import type { FileWriter } from "./file-writer.ts";
import { createNodeSha256 } from "./node-digest.ts";
import type { PartialFile } from "./partial-file.ts";

export type Deliverable = ByteSource & Required<Pick<ByteSource, "deliver">>;

export function isDeliverable(source: ByteSource): source is Deliverable {
	return source.deliver !== undefined;
}

/** Parts of one file that come at once. */
const partsAtOnce = 8;

/** How many deliveries are under way at once, over all files. */
export class Slots {
	readonly #concurrency: Concurrency;
	#taken = 0;
	readonly #waiting = new WaitingLine<undefined>();

	constructor(concurrency: Concurrency) {
		this.#concurrency = concurrency;
	}

	async with<T>(work: () => Promise<T>): Promise<T> {
		if (this.#taken >= limitOf(this.#concurrency)) await this.#waiting.wait();
		else this.#taken++;
		try {
			return await work();
		} finally {
			this.#taken--;
			while (this.#taken < limitOf(this.#concurrency) && this.#waiting.admit(undefined)) this.#taken++;
		}
	}
}

export type ReceiveOptions = {
	readonly slots: Slots;
	readonly signal: AbortSignal;
	readonly onBytes: (bytes: number) => void;
};

/** Whether a file comes in parts: it is large, and no hash is wanted that goes from the first byte to the last. */
export function comesInParts(size: number, types: readonly HashType[]): boolean {
	return size > partSize(size) && types.every((type) => type === "sha2-256-chunked");
}

/**
 * Writes a source to a new file, in one piece, and gives its hashes of the wanted types. Throws `SourceChanged` when the
 * source gives other lengths than it said.
 */
export async function receiveFile(
	source: Deliverable,
	writer: FileWriter,
	types: readonly HashType[],
	options: ReceiveOptions,
): Promise<Hash[]> {
	const hashers = types.map((type) => createHasher(type, source.size, createNodeSha256));
	await receiveRange(source, undefined, writer, hashers, options);
	return hashers.map((hasher) => hasher.digest());
}

/**
 * The same in the parts of the hash, several at once, each hashed while it arrives. Of a partial file only the parts are
 * asked for that are missing.
 */
export async function receiveParts(
	source: Deliverable,
	writer: FileWriter,
	partial: PartialFile | undefined,
	options: ReceiveOptions,
): Promise<Hash[]> {
	const { size } = source;
	const part = partSize(size);
	const ranges = Array.from({ length: Math.ceil(size / part) }, (_, index): ByteRange => {
		const offset = index * part;
		return { offset, length: Math.min(part, size - offset) };
	});
	const receive = async (range: ByteRange, index: number): Promise<Uint8Array> => {
		const known = partial?.digests[index];
		if (known !== undefined) {
			options.onBytes(range.length);
			return known;
		}
		const hasher = createNodeSha256();
		await receiveRange(source, range, writer, [hasher], options);
		const digest = hasher.digest();
		partial?.arrived(index, digest);
		return digest;
	};
	const digests = await mapPool(ranges, partsAtOnce, receive, options.signal);
	partial?.complete();
	return [{ type: "sha2-256-chunked", value: chunkedHashValue(digests, createNodeSha256) }];
}

async function receiveRange(
	source: Deliverable,
	range: ByteRange | undefined,
	writer: FileWriter,
	hashers: readonly Updatable[],
	{ slots, ...options }: ReceiveOptions,
): Promise<void> {
	await slots.with(() => receive(source, range, writer, hashers, options));
}

type Updatable = { update(bytes: Uint8Array): unknown };

/** Writes what is delivered to its place in the file. Throws `SourceChanged` when it has another length than it should. */
export async function receive(
	source: Deliverable,
	range: ByteRange | undefined,
	writer: FileWriter,
	hashers: readonly Updatable[],
	{
		signal,
		onBytes,
	}: { readonly signal: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void },
): Promise<void> {
	const { offset, length } = range ?? { offset: 0, length: source.size };
	let received = 0;
	throwIfAborted(signal);
	await source.deliver(
		(chunk) => {
			throwIfAborted(signal);
			if (chunk.length > length - received) throw otherLength(length, "more");
			writer.writeAt(chunk, offset + received);
			for (const hasher of hashers) hasher.update(chunk);
			received += chunk.length;
			onBytes?.(chunk.length);
		},
		range,
		signal,
	);
	if (received !== length) throw otherLength(length, String(received));
}

function otherLength(expected: number, found: string): BaleError {
	return new BaleError("SourceChanged", `A source of ${expected} bytes gave ${found}`, {
		details: { expected },
	});
}

/** Writes a stream and gives its hashes: the plain way, which `receiveFile` is compared with. */
export async function writeStream(
	source: ByteSource,
	writer: FileWriter,
	types: readonly HashType[],
	{ signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Hash[]> {
	const hashers = types.map((type) => createHasher(type, source.size, createNodeSha256));
	for await (const chunk of chunksOf(source, signal)) {
		await writer.write(chunk);
		for (const hasher of hashers) hasher.update(chunk);
		onBytes(chunk.length);
	}
	return hashers.map((hasher) => hasher.digest());
}
