/** Reading the bytes of an entry, checked against its hash. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { createHasher, isKnownHashType, type Hash, type HashType } from "../core/hash.ts";
import type { ByteRange, ByteSource } from "../storage/store.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { Candidate, ClientEntry, Origin } from "./origin.ts";
import { locate } from "./origin.ts";
import { platform } from "./runtime.ts";

/** The entry's hash when it can be checked. Throws `Unverifiable` when there is none or its type is unknown. */
export function verifiableHash(key: string, entry: ClientEntry): Hash & { readonly type: HashType } {
	const { hash } = entry;
	if (hash === undefined) {
		throw new BaleError("Unverifiable", `Cannot check "${key}": the package has no hash for it`, {
			hint: "Build the package first",
			details: { key },
		});
	}
	if (!isKnownHashType(hash.type)) {
		throw new BaleError("Unverifiable", `Cannot check "${key}": its hash type "${hash.type}" is unknown`, {
			hint: "Supported are SHA256, sha2-256-chunked and CRC64NVME; a newer bale may know it",
			details: { key, type: hash.type },
		});
	}
	return { type: hash.type, value: hash.value };
}

/** A candidate as a source. */
export async function openCandidate(candidate: Candidate): Promise<ByteSource> {
	if ("source" in candidate) return candidate.source;
	const { files } = platform();
	if (files === undefined) throw new TypeError("a path on a platform without files");
	return files.open(candidate.path);
}

/** All bytes of an entry; those that do not fit its hash are never returned (`IntegrityMismatch`). */
export async function readEntry(
	key: string,
	entry: ClientEntry,
	origin: Origin,
	signal?: AbortSignal,
): Promise<Uint8Array> {
	const hash = entry.hash === undefined ? undefined : verifiableHash(key, entry);
	let failure: unknown;
	for (const everywhere of [false, true]) {
		for (const candidate of await locate(key, entry, origin, signal, { everywhere, lazy: true })) {
			try {
				const source = await openCandidate(candidate);
				if (entry.size !== undefined && source.size !== entry.size) {
					throw sizeMismatch(key, entry.size, source.size);
				}
				return await collectVerified(key, source, hash, signal);
			} catch (error) {
				if (!isBaleError(error, "IntegrityMismatch", "SourceChanged")) throw error;
				failure ??= error;
			}
		}
	}
	throw failure;
}

async function collectVerified(
	key: string,
	source: ByteSource,
	hash: (Hash & { type: HashType }) | undefined,
	signal: AbortSignal | undefined,
): Promise<Uint8Array> {
	const bytes = new Uint8Array(source.size);
	let length = 0;
	const hasher = hash && createHasher(hash.type, source.size, platform().createSha256);
	const reader = source.open(undefined, signal).getReader();
	try {
		for (;;) {
			throwIfAborted(signal);
			const { done, value } = await reader.read();
			if (done) break;
			if (length + value.length > bytes.length) throw sizeMismatch(key, source.size, length + value.length);
			bytes.set(value, length);
			length += value.length;
			hasher?.update(value);
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
	if (length !== bytes.length) throw sizeMismatch(key, source.size, length);
	if (hash && hasher) assertHash(key, hash, hasher.digest());
	return bytes;
}

/** Streams an entry. Without a range the stream fails at its end with `IntegrityMismatch` if the bytes do not fit the hash. */
export async function streamEntry(
	key: string,
	entry: ClientEntry,
	origin: Origin,
	options: { readonly range?: ByteRange | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ReadableStream<Uint8Array>> {
	const { range, signal } = options;
	const [candidate] = await locate(key, entry, origin, signal, { lazy: true });
	const source = await openCandidate(candidate as Candidate);
	if (entry.size !== undefined && source.size !== entry.size) {
		throw sizeMismatch(key, entry.size, source.size);
	}
	if (range !== undefined) {
		const valid =
			Number.isSafeInteger(range.offset) &&
			Number.isSafeInteger(range.length) &&
			range.offset >= 0 &&
			range.length >= 0 &&
			range.offset + range.length <= source.size;
		if (!valid) {
			throw new BaleError(
				"InvalidArgument",
				`Cannot read ${range.length} bytes from ${range.offset} of "${key}": it has ${source.size} bytes`,
				{
					hint: `Give offset and length, in bytes, of a part: { offset: 0, length: ${source.size} } is all of it`,
					details: { key, ...range, size: source.size },
				},
			);
		}
		return begun(source.open(range, signal));
	}
	const body = await begun(source.open(undefined, signal));
	if (entry.hash === undefined) return body;
	const hash = verifiableHash(key, entry);
	const hasher = createHasher(hash.type, source.size, platform().createSha256);
	return body.pipeThrough(
		new TransformStream<Uint8Array, Uint8Array>({
			transform(chunk, controller) {
				hasher.update(chunk);
				controller.enqueue(chunk);
			},
			flush() {
				assertHash(key, hash, hasher.digest());
			},
		}),
	);
}

/** Waits for the first bytes, so that what cannot be read at all is an error before there is a stream. */
async function begun(stream: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
	const reader = stream.getReader();
	let first: Awaited<ReturnType<typeof reader.read>> | undefined = await reader.read();
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const { done, value } = first ?? (await reader.read());
				first = undefined;
				if (done) controller.close();
				else controller.enqueue(value);
			},
			cancel: (reason) => reader.cancel(reason),
		},
		{ highWaterMark: 0 },
	);
}

/** Throws `IntegrityMismatch` unless the hashes are the same. */
export function assertHash(key: string, expected: Hash, found: Hash): void {
	if (expected.type === found.type && expected.value === found.value) return;
	throw new BaleError("IntegrityMismatch", `The bytes of "${key}" are not those that the package names`, {
		details: { key, expected, found },
	});
}

function sizeMismatch(key: string, expected: number, found: number): BaleError {
	return new BaleError(
		"IntegrityMismatch",
		`The bytes of "${key}" are not those that the package names: it has ${found} bytes where ${expected} were expected`,
		{ details: { key, expectedSize: expected, foundSize: found } },
	);
}
