import { formatHex } from "../core/hex.ts";
import { parseBase64 } from "../core/base64.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import type { Hash, HashType } from "../core/hash.ts";
import { joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import { changedHints } from "../storage/byte-source.ts";
import { chunkedHash } from "../storage/s3/checksum.ts";
import type {
	ByteSource,
	Checksum,
	Condition,
	CopySource,
	ObjectInfo,
	Store,
	Versioning,
	WriteOptions,
} from "../storage/store.ts";
import { hashSource } from "../transfer/hash-source.ts";
import { mapPool } from "../transfer/pool.ts";
import type { InspectOptions, Landed, Landing, LandingJob, Occupant } from "./landing.ts";
import { storeSource } from "./object-source.ts";
import type { MoveOptions } from "./platform.ts";
import { openCandidate } from "./reading.ts";
import { platform } from "./runtime.ts";

/** From this size on a checksum is one of parts, which does not tell the plain SHA-256. */
const partsBytes = 8 * 1024 * 1024;

/** Landing through any store. Where the store keeps checksums, bytes are read once and nothing is read back. */
export class StoreLanding implements Landing {
	readonly concurrency = platform().lanes;
	readonly copies: boolean;
	readonly freeWriteBytes: number;
	readonly #store: Store;
	#versioning: Promise<Versioning | undefined> | undefined;
	/** Places that others have taken, or where a deleted object has left something that is not seen. */
	readonly #refused = new Set<string>();

	constructor(store: Store) {
		this.#store = store;
		this.copies = store.copyFrom !== undefined;
		// A large object is refused only when all of its parts have been sent.
		this.freeWriteBytes = store.features.conditions ? partsBytes : 0;
	}

	versioning(signal: AbortSignal | undefined): Promise<Versioning | undefined> {
		return (this.#versioning ??= this.#store.versioning?.(signal) ?? Promise.resolve(undefined));
	}

	async inspect(key: string, { versionId, signal }: InspectOptions = {}): Promise<Occupant> {
		const version = versionId === undefined ? {} : { versionId };
		const info = await this.#store.head(key, { ...version, signal });
		if (info === undefined) return { kind: this.#refused.has(key) ? "blocked" : "none" };
		const hash = hashOf(info);
		return {
			kind: "object",
			size: info.size,
			modifiedMs: info.modifiedAt.getTime(),
			...(info.versionId === undefined ? {} : { versionId: info.versionId }),
			...(hash === undefined ? {} : { hash }),
		};
	}

	async hash(key: string, _size: number, type: HashType, signal?: AbortSignal): Promise<Hash> {
		const source = await storeSource(this.#store, key, undefined, signal);
		if (source === undefined) throw new BaleError("ObjectNotFound", `"${key}" is gone from the store`);
		return hashSource(source, type, platform().createSha256, { signal });
	}

	async write(jobs: readonly LandingJob[], options: MoveOptions): Promise<Landed[]> {
		let refusal: BaleError | undefined;
		const results = await mapPool(
			jobs,
			options.concurrency ?? this.concurrency,
			async (job, index) => {
				try {
					const landed = await this.#writeOne(
						job,
						(bytes) => options.onBytes?.(index, bytes),
						options.signal,
					);
					options.onDone?.(index);
					return [landed];
				} catch (error) {
					// The others are written all the same, so that one more round is enough.
					if (!isBaleError(error, "DestinationConflict")) throw error;
					refusal ??= error;
					return [];
				}
			},
			options.signal,
		);
		if (refusal !== undefined) throw refusal;
		return results.flat();
	}

	async #writeOne(
		job: LandingJob,
		onBytes: (bytes: number) => void,
		signal: AbortSignal | undefined,
	): Promise<Landed> {
		const options: WriteOptions = {
			signal,
			...(job.replace === true ? {} : { condition: absence(job) }),
		};
		try {
			const copied = await this.#copy(job, onBytes, options);
			if (copied !== undefined && "hash" in copied) return copied;
			// Others have changed the twin: what came of it is replaced, and by nobody else's content.
			const instead = copied === undefined ? options : { signal, condition: { ifEtag: copied.etag } };
			return await this.#send(job, onBytes, instead);
		} catch (error) {
			if (!isBaleError(error, "Conflict")) throw error;
			if (job.neverThere === true) this.#refused.add(job.to);
			throw new BaleError("DestinationConflict", `"${job.to}" appeared in the meantime`, {
				hint: "Run the same again in a minute: somebody else writes there",
				details: { place: job.to },
				cause: error,
			});
		}
	}

	/**
	 * Copies on the server; undefined when there is nothing to copy from, or when it could not be told what was copied. A
	 * twin that is not what it was gives the object that was made of it.
	 */
	async #copy(
		job: LandingJob,
		onBytes: (bytes: number) => void,
		options: WriteOptions,
	): Promise<Landed | ObjectInfo | undefined> {
		const found: CopySource | undefined = job.twin ?? ("source" in job.from ? job.from.object : undefined);
		if (found === undefined || this.#store.copyFrom === undefined) return undefined;
		const expected = job.expect;
		// Only what the copy's checksum can prove is copied.
		if (expected !== undefined && expected.type !== "sha2-256-chunked") return undefined;
		const source = await sourceOf(job, found, options.signal);
		if (source.size !== job.size) throw changed(job, source.size ?? 0);
		const info = await this.#store.copyFrom(source, job.to, options).catch((error: unknown) => {
			// A twin that has become shorter lacks the range of a part.
			const gone = isBaleError(error, "ObjectNotFound", "InvalidArgument");
			if (job.twin !== undefined && gone) return undefined;
			throw error;
		});
		if (info === undefined) return undefined;
		let hash = hashOf(info);
		if (hash === undefined) {
			const copy = await storeSource(this.#store, job.to, info.versionId, options.signal);
			if (copy === undefined) throw new BaleError("ObjectNotFound", `"${job.to}" is gone from the store`);
			hash = await hashSource(copy, "sha2-256-chunked", platform().createSha256, { signal: options.signal });
		}
		const isOther = info.size !== job.size || (expected !== undefined && hash.value !== expected.value);
		if (isOther && job.twin !== undefined) return info;
		if (info.size !== job.size) throw changed(job, info.size);
		if (isOther) throw mismatch(job, hash);
		onBytes(job.size);
		return { physicalKey: await this.#physicalKey(job.to, info), hash };
	}

	async #send(job: LandingJob, onBytes: (bytes: number) => void, options: WriteOptions): Promise<Landed> {
		const file = "path" in job.from ? await platform().files?.open(job.from.path) : undefined;
		const source = file ?? (await openCandidate(job.from));
		if (source.size !== job.size) throw changed(job, source.size);
		const { createSha256 } = platform();
		const { signal } = options;
		let hash: Hash | undefined;
		let checked = job.expect === undefined;
		if (this.#store.features.checksums !== true) {
			hash = await hashSource(source, "sha2-256-chunked", createSha256, { signal });
			checked ||= expectHash(job, hash);
		}
		const needsPass = (this.#store.features.checksums !== true || job.size >= partsBytes) && !checked;
		if (needsPass && job.expect !== undefined && job.expect.type !== "sha2-256-chunked") {
			expectHash(job, await hashSource(source, job.expect.type as HashType, createSha256, { signal }));
			checked = true;
		}
		const check = (checksum: Checksum): void => {
			hash = chunkedHash(checksum, job.size, createSha256);
			if (checked || hash === undefined) return;
			checked = expectHash(job, hash) || expectHash(job, wholeHash(checksum));
		};
		const info = await this.#store.put(job.to, counted(source, onBytes), {
			...options,
			...(this.#store.features.checksums === true ? { check } : {}),
		});
		if (hash === undefined || !checked) {
			throw new TypeError(`the store did not tell what it wrote to "${job.to}"`);
		}
		const landed = { physicalKey: await this.#physicalKey(job.to, info), hash };
		return file === undefined || !("path" in job.from)
			? landed
			: { ...landed, read: { path: job.from.path, source: file, hash } };
	}

	async #physicalKey(key: string, info: ObjectInfo): Promise<PhysicalKey> {
		const place = joinPhysicalKey(this.#store.root, key);
		// Not every server says that what it has written is this version, which others can be put over later.
		const isNull = (await this.#versioning) === "suspended";
		const versionId = info.versionId ?? (isNull ? "null" : undefined);
		return place.kind === "s3" && versionId !== undefined ? { ...place, versionId } : place;
	}
}

function absence({ neverThere }: LandingJob): Condition {
	return neverThere === true ? { ifAbsent: true, neverThere } : { ifAbsent: true };
}

/** What is copied, with its size and pinned to its state. */
async function sourceOf(
	job: LandingJob,
	found: CopySource,
	signal: AbortSignal | undefined,
): Promise<CopySource> {
	if (job.twin !== undefined) return { ...found, size: job.size };
	return "source" in job.from && job.from.pin !== undefined ? job.from.pin(signal) : found;
}

/** The content hash by the store's checksum. */
function hashOf(info: ObjectInfo): Hash | undefined {
	return info.checksum && chunkedHash(info.checksum, info.size, platform().createSha256);
}

/** The plain SHA-256 of an object that was sent whole; a type that no entry expects for one sent in parts. */
function wholeHash(checksum: Checksum): Hash {
	const digest = parseBase64(checksum.sha256);
	if (digest === undefined || checksum.parts !== undefined) return { type: "", value: "" };
	return { type: "SHA256", value: formatHex(digest) };
}

/** True: it is what the job expects; false: it is of another type. Throws `IntegrityMismatch`. */
function expectHash(job: LandingJob, found: Hash): boolean {
	if (job.expect === undefined) return true;
	if (job.expect.type !== found.type) return false;
	if (job.expect.value !== found.value) throw mismatch(job, found);
	return true;
}

function counted(source: ByteSource, onBytes: (bytes: number) => void): ByteSource {
	const readInto = source.readInto?.bind(source);
	return {
		size: source.size,
		...(readInto === undefined
			? {}
			: {
					readInto: async (into, offset, signal) => {
						await readInto(into, offset, signal);
						onBytes(into.length);
					},
				}),
		open: (range, signal) =>
			source.open(range, signal).pipeThrough(
				new TransformStream<Uint8Array, Uint8Array>({
					transform(chunk, controller) {
						onBytes(chunk.length);
						controller.enqueue(chunk);
					},
				}),
			),
	};
}

function changed(job: LandingJob, found: number): BaleError {
	return new BaleError(
		"SourceChanged",
		`"${job.source}" has ${found} bytes where ${job.size} were recorded`,
		{ hint: changedHints.since, details: { key: job.source } },
	);
}

function mismatch(job: LandingJob, found: Hash): BaleError {
	return new BaleError(
		"IntegrityMismatch",
		`The bytes of "${job.source}" are not those that the package names`,
		{ details: { key: job.source, expected: job.expect, found } },
	);
}
