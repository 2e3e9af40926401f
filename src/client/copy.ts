/** `copy`: files and directories between this machine and buckets, without any package. */
import { BaleError } from "../core/errors.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { RunOptions } from "../transfer/events.ts";
import { openCopySources } from "./copy-sources.ts";
import { openCopyTarget } from "./copy-targets.ts";
import { FoundFiles, type FoundFile } from "./found-files.ts";
import { parseLocation } from "./sources.ts";

export type CopyOptions = RunOptions & {
	/** Replace files that are there; default true, as quilt3 does. False: such a file is `DestinationConflict`. */
	readonly overwrite?: boolean | undefined;
};

/** So many files are known at once while a long listing is copied. */
const batchFiles = 1000;

/**
 * Copies a file to a file, a file into a directory (`dest` ends in `/` or is a bucket), or a directory to a directory
 * (both end in `/`); both may be paths, `file://` or `s3://` URLs, and one object may be named with its version. From
 * bucket to bucket the server copies, where it can. Every file appears whole or not at all. The progress has no totals
 * while a directory is still listed. Throws `InvalidArgument`, `ObjectNotFound`, `NotAFile`, `SourceChanged`; into a
 * directory of this machine also what `install` throws for keys that cannot be files there.
 */
export async function copy(
	source: string,
	dest: string,
	options: CopyOptions = {},
): Promise<{ files: number; bytes: number }> {
	const [from, to] = [parseLocation(source), parseLocation(dest)];
	if (to.kind === "s3" && to.versionId !== undefined) {
		throw new BaleError("InvalidArgument", `Cannot copy to ${dest}: it names a version of an object`, {
			hint: "Leave ?versionId=… out: the store gives each object that is written its own",
			details: { source, dest },
		});
	}
	if (isDirectory(from) && !isDirectory(to)) {
		throw new BaleError("InvalidArgument", `Cannot copy the directory ${source} to "${dest}"`, {
			hint: "End the destination with a slash too",
			details: { source, dest },
		});
	}
	const { signal, onProgress } = options;
	const sources = await openCopySources(from, options);
	const target = await openCopyTarget(to, { from, replace: options.overwrite ?? true });
	const total = { files: 0, bytes: 0 };
	const run = async (batch: readonly FoundFile[]): Promise<void> => {
		throwIfAborted(signal);
		await target.write(
			batch.map((file) => sources.item(file)),
			options,
		);
		total.files += batch.length;
		for (const { size } of batch) total.bytes += size;
	};
	if (target.check === undefined && !overlap(from, to)) {
		onProgress?.({ kind: "started", phase: "copy", files: 0, bytes: 0 });
		let batch: FoundFile[] = [];
		for await (const file of sources.found) {
			if (batch.push(file) < batchFiles) continue;
			await run(batch);
			batch = [];
		}
		if (batch.length > 0) await run(batch);
	} else {
		const all = new FoundFiles();
		onProgress?.({ kind: "started", phase: "walk", files: 0, bytes: 0 });
		for await (const file of sources.found) {
			all.add(file);
			onProgress?.({ kind: "advanced", phase: "walk", key: file.name, bytes: file.size });
		}
		onProgress?.({ kind: "finished", phase: "walk" });
		if (all.count === 0) throw nothingThere(from);
		onProgress?.({ kind: "started", phase: "copy", files: all.count, bytes: all.bytes });
		await target.check?.(all, signal);
		for (const batch of all.batches()) await run(batch);
	}
	if (total.files === 0) throw nothingThere(from);
	onProgress?.({ kind: "finished", phase: "copy" });
	return total;
}

/** Whether a place is a directory by how it is written: it ends in a slash, or is a whole bucket. */
function isDirectory(location: PhysicalKey): boolean {
	return location.kind === "file"
		? location.path.endsWith("/")
		: location.key === "" || location.key.endsWith("/");
}

/** Whether what is written could be listed as a source: then the listing comes to its end first. */
function overlap(from: PhysicalKey, to: PhysicalKey): boolean {
	if (from.kind !== "s3" || to.kind !== "s3" || from.bucket !== to.bucket) return false;
	return from.key.startsWith(to.key) || to.key.startsWith(from.key);
}

function nothingThere(location: PhysicalKey): BaleError {
	const where = formatPhysicalKey(location);
	return new BaleError("ObjectNotFound", `There is nothing to copy at ${where}`, {
		details: { source: where },
	});
}
