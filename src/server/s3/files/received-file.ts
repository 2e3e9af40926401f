import { throwIfAborted } from "../../../storage/abort.ts";
import { makeDirectories } from "../../../node/directories.ts";
import { FileWriter } from "../../../node/file-writer.ts";
import { discard, temporaryName } from "../../../node/temporary-file.ts";
import type { ObjectChecksum, ReceivedBytes } from "../bucket.ts";
import { createDigests, type Digests } from "./digests.ts";
import type { Places } from "./places.ts";

type Algorithm = ObjectChecksum["algorithm"];

/** A whole file under a temporary name. */
export class ReceivedFile implements ReceivedBytes {
	readonly path: string;
	readonly size: number;
	readonly md5: Uint8Array;
	readonly digests: Digests;

	constructor(path: string, size: number, md5: Uint8Array, digests: Digests) {
		this.path = path;
		this.size = size;
		this.md5 = md5;
		this.digests = digests;
	}

	/** Removes it if it has no other name. */
	async discard(): Promise<void> {
		discard(this.path);
	}
}

/** The file that `receive` of one of our buckets made. */
export function asReceivedFile(bytes: ReceivedBytes): ReceivedFile {
	if (bytes instanceof ReceivedFile) return bytes;
	throw new TypeError("These bytes were not received by a bucket of files");
}

/** Streams bytes into a temporary file, with their MD5 and the digests that are asked for. */
export async function receiveFile(
	places: Places,
	bytes: AsyncIterable<Uint8Array>,
	algorithms: readonly Algorithm[],
	options: { readonly signal?: AbortSignal; readonly durable: boolean },
): Promise<ReceivedFile> {
	makeDirectories(places.root, places.temporary, { links: "refuse" });
	const path = `${places.temporary}/${temporaryName()}`;
	const digests = createDigests(algorithms);
	const writer = new FileWriter(path, path);
	let size = 0;
	try {
		for await (const chunk of bytes) {
			throwIfAborted(options.signal);
			digests.update(chunk);
			size += chunk.length;
			await writer.write(chunk);
		}
		throwIfAborted(options.signal);
		await writer.finish(options.durable);
		writer.publish(path, true); // It is whole, and stays under this name until it is placed.
	} finally {
		writer.close();
	}
	return new ReceivedFile(path, size, ...digests.digest());
}
