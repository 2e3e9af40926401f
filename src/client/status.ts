import { BaleError } from "../core/errors.ts";
import type { RunOptions } from "../transfer/events.ts";
import { isUntouched, readInstall } from "./installs.ts";
import { platform } from "./runtime.ts";
import { localDirectory } from "./sources.ts";

export type Status = {
	readonly name: string;
	readonly topHash: string;
	readonly registry: string;
	readonly dest: string;
	/** Keys of files whose content is not what was installed. */
	readonly modified: readonly string[];
	readonly missing: readonly string[];
	/** Files that were not installed. */
	readonly extra: readonly string[];
};

/** Compares a directory with what was installed there. Throws `PackageNotFound` when nothing was. */
export async function statusOf(directory: string, options: RunOptions = {}): Promise<Status> {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot read local directories");
	const dest = localDirectory(directory, "compare");
	const install = await readInstall(dest);
	if (install === undefined) {
		throw new BaleError("PackageNotFound", `Nothing is known to be installed in ${dest}`, {
			hint: "Compare it with a package: bale diff NAME --dir DIRECTORY",
			details: { dest },
		});
	}
	const extra: string[] = [];
	const unsure: { key: string; path: string; size: number }[] = [];
	const modified: string[] = [];
	const missing = new Set(install.files.keys());
	if ((await files.stat(dest))?.kind === "directory") {
		for await (const { relativePath: key, path, stat } of files.walk(dest, { signal: options.signal })) {
			const file = install.files.get(key);
			if (file === undefined) extra.push(key);
			else {
				missing.delete(key);
				if (isUntouched(file, stat)) continue;
				if (stat.size !== file.size) modified.push(key);
				else unsure.push({ key, path, size: stat.size });
			}
		}
	}
	const jobs = unsure.map(({ key, path, size }) => {
		const type = install.files.get(key)?.hash.type ?? "sha2-256-chunked";
		return { path, size, type: type as "sha2-256-chunked" };
	});
	const { signal, concurrency, cache } = options;
	const hashes = await files.hash(jobs, { signal, concurrency, cache });
	unsure.forEach(({ key }, index) => {
		if (install.files.get(key)?.hash.value !== hashes[index]?.value) modified.push(key);
	});
	const { name, topHash, registry } = install;
	return { name, topHash, registry, dest, modified, missing: [...missing], extra };
}
