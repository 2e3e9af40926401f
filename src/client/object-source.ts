/** Objects of stores as sources of bytes. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { isFixedVersion } from "../core/physical-key.ts";
import type {
	ByteRange,
	ByteSource,
	CopySource,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Sink,
	Store,
} from "../storage/store.ts";

/** What is known of all objects of a store as sources of copies. */
export function copyTraits({ service, requesterPays }: Store): Pick<CopySource, "service" | "requesterPays"> {
	return {
		...(service === undefined ? {} : { service }),
		...(requesterPays === true ? { requesterPays } : {}),
	};
}

/** An object of a store as a source that can be opened again. */
export async function storeSource(
	store: Store,
	key: string,
	versionId?: string,
	signal?: AbortSignal,
): Promise<ByteSource | undefined> {
	const version = versionId === undefined ? {} : { versionId };
	const info = await store.head(key, { ...version, signal });
	if (info === undefined) return undefined;
	return objectSource(
		store,
		key,
		versionId,
		info.size,
		() => new BaleError("ObjectNotFound", `"${key}" is gone from the store`),
	);
}

/**
 * Whether the version `null` of an object is the expected content by its size or, with `certainly`, also by its checksum;
 * false when there is none.
 */
export type FitsNullVersion = (options: {
	readonly certainly: boolean;
	readonly signal: AbortSignal | undefined;
}) => Promise<boolean>;

/**
 * An object that should have `size` bytes; it is looked at when it is opened (`IntegrityMismatch` for another size). With
 * `fitsNullVersion` it was named before its bucket kept versions: what others have put over it since is not read where
 * the version `null` fits instead, which is asked only when something else than that is met.
 */
export function objectSource(
	store: Store,
	key: string,
	versionId: string | undefined,
	size: number,
	missing: () => BaleError,
	fitsNullVersion?: FitsNullVersion,
): ByteSource {
	let version: Pick<ReadOptions, "versionId"> = versionId === undefined ? {} : { versionId };
	let etag: string | undefined;
	const options = (range: ByteRange | undefined, signal: AbortSignal | undefined): ReadOptions =>
		range === undefined ? { ...version, signal } : { ...version, range, signal };

	/** Whether to read again, now the version `null`, what was read of `tried`. */
	let fits: Promise<boolean> | undefined;
	const turnsBack = async (
		tried: typeof version,
		certainly: boolean,
		signal: AbortSignal | undefined,
	): Promise<boolean> => {
		if (fitsNullVersion === undefined || tried.versionId !== undefined) return false;
		fits ??= fitsNullVersion({ certainly, signal }).catch((error: unknown) => {
			// The source may be opened again, with another signal.
			fits = undefined;
			throw error;
		});
		if (!(await fits)) return false;
		version = { versionId: "null" };
		return true;
	};

	const open = async (range: ByteRange | undefined, signal: AbortSignal | undefined): Promise<ObjectBody> => {
		const tried = version;
		let object: ObjectBody | undefined;
		let failure: BaleError | undefined;
		try {
			object = await store.get(key, options(range, signal));
			if (object === undefined) failure = missing();
			else if (object.info.size !== size) failure = otherSize(key, size, object.info.size);
		} catch (error) {
			if (range === undefined || !isBaleError(error, "InvalidArgument")) throw error;
			failure = otherSize(key, size, undefined);
		}
		// Of the same size, but written when there were versions.
		const isLater = isFixedVersion(object?.info.versionId);
		if ((failure !== undefined || isLater) && (await turnsBack(tried, failure === undefined, signal))) {
			await object?.body.cancel();
			return open(range, signal);
		}
		if (failure === undefined) return object as ObjectBody;
		await object?.body.cancel();
		throw failure;
	};

	const deliver = async (sink: Sink, range?: ByteRange, signal?: AbortSignal): Promise<void> => {
		const tried = version;
		let failure: BaleError | undefined;
		const accept = (info: ObjectInfo): Sink => {
			if (info.size !== size) {
				const other = otherSize(key, size, info.size);
				failure = other;
				throw other;
			}
			// Ranges that are asked for one by one are of one object.
			etag ??= info.etag;
			if (info.etag !== etag) throw replaced(key);
			return sink;
		};
		try {
			if ((await store.deliver?.(key, accept, options(range, signal))) !== undefined) return;
			failure = missing();
		} catch (error) {
			if (range !== undefined && isBaleError(error, "InvalidArgument"))
				failure = otherSize(key, size, undefined);
			else if (error !== failure) throw error;
		}
		if (!(await turnsBack(tried, false, signal))) throw failure as BaleError;
		await deliver(sink, range, signal);
	};

	return {
		size,
		open(range, signal) {
			let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
			return new ReadableStream<Uint8Array>(
				{
					async pull(controller) {
						reader ??= (await open(range, signal)).body.getReader();
						const { done, value } = await reader.read();
						if (done) controller.close();
						else controller.enqueue(value);
					},
					async cancel(reason) {
						await reader?.cancel(reason);
					},
				},
				{ highWaterMark: 0 },
			);
		},
		...(store.deliver === undefined ? {} : { deliver }),
	};
}

/** `found` is undefined when only a range was asked for, which the object does not have. */
function otherSize(key: string, expected: number, found: number | undefined): BaleError {
	const has = found === undefined ? "fewer" : String(found);
	return new BaleError("IntegrityMismatch", `"${key}" has ${has} bytes where ${expected} were expected`, {
		details: { key, expectedSize: expected, ...(found === undefined ? {} : { foundSize: found }) },
	});
}

function replaced(key: string): BaleError {
	return new BaleError("SourceChanged", `Cannot read "${key}": it was replaced while it was read`, {
		details: { key },
	});
}
