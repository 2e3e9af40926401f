/** The functions beside `Package`: what registries hold, deleting, and copying single files. */
import { BaleError } from "../core/errors.ts";
import { parsePackageName } from "../core/names.ts";
import { formatPhysicalKey } from "../core/physical-key.ts";
import { deletePointers, planDeletion } from "../registry/pointers.ts";
import { readAuthor } from "../registry/authors.ts";
import { packageNotFound } from "../registry/registry.ts";
import type { RunOptions } from "../transfer/events.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
import { parseLocation } from "./sources.ts";

/** Names of the packages in a registry (default: the local one), lazily; none when the registry does not exist. */
export async function* listPackages(
	registry?: RegistryInput,
	options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<string> {
	yield* (await openRegistry(registry, "local")).names(options.signal);
}

/** Pointers of a package with the top hashes that they name, oldest first, `latest` last; none for unknown names. */
export async function* listPackageVersions(
	name: string,
	registry?: RegistryInput,
	options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<[pointer: string, topHash: string]> {
	const parsed = parsePackageName(name);
	const opened = await openRegistry(registry, "local");
	for (const { pointer, topHash } of await opened.pointers(parsed, options.signal)) yield [pointer, topHash];
}

/** One publication in the history of a package. */
export type Revision = {
	/** Timestamp pointer. */
	readonly pointer: string;
	readonly topHash: string;
	readonly publishedAt: Date;
	/** Who published, when bale did. */
	readonly author?: string;
	readonly message?: string;
	/** Whether `latest` names this revision. */
	readonly latest: boolean;
};

/** The history of a package, newest first. Throws `PackageNotFound`. */
export async function* revisions(
	name: string,
	registry?: RegistryInput,
	options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Revision> {
	const parsed = parsePackageName(name);
	const opened = await openRegistry(registry, "local");
	const pointers = await opened.pointers(parsed, options.signal);
	if (pointers.length === 0) throw packageNotFound(name, opened.location);
	const latest = pointers.find((item) => item.pointer === "latest")?.topHash;
	for (const { pointer, topHash } of pointers.reverse()) {
		if (pointer === "latest") continue;
		const author = await readAuthor(opened, parsed, pointer);
		const manifest = await opened
			.read(topHash, { allowUnverified: true, signal: options.signal })
			.catch(() => undefined);
		const message = manifest?.header.get("message");
		yield {
			pointer,
			topHash,
			publishedAt: new Date(Number(pointer) * 1000),
			...(author === undefined ? {} : { author }),
			...(typeof message === "string" ? { message } : {}),
			latest: topHash === latest,
		};
	}
}

export type DeleteOptions = {
	/** Only the pointers to this revision (a prefix is enough). */
	readonly topHash?: string | undefined;
	/** Only say what would happen. */
	readonly dryRun?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type DeleteResult = {
	readonly name: string;
	readonly registry: string;
	/** The whole top hash of the revision; null: all of the package. */
	readonly topHash: string | null;
	/** The pointers that were (or would be) removed. */
	readonly pointers: readonly string[];
	/** What `latest` names afterwards; null: the name is gone. */
	readonly latest: string | null;
	readonly dryRun: boolean;
};

/**
 * Deletes the pointers of a package, or of one revision; manifests and data stay. Throws `PackageNotFound`,
 * `RevisionNotFound`.
 */
export async function deletePackage(
	name: string,
	registry?: RegistryInput,
	options: DeleteOptions = {},
): Promise<DeleteResult> {
	const parsed = parsePackageName(name);
	const opened = await openRegistry(registry, "local");
	const topHash =
		options.topHash === undefined ? undefined : await opened.resolve(options.topHash, options.signal);
	const deletion = await planDeletion(opened, parsed, topHash, options.signal);
	if (options.dryRun !== true) await deletePointers(opened, parsed, deletion, options.signal);
	return {
		name,
		registry: opened.location,
		topHash: topHash ?? null,
		pointers: deletion.remove,
		latest: deletion.latest,
		dryRun: options.dryRun === true,
	};
}

export type CopyOptions = RunOptions & {
	/** Replace files that are there; default true, as quilt3 does. */
	readonly overwrite?: boolean | undefined;
};

/**
 * Copies a file to a file, a file into a directory (`dest` ends in `/`), or a directory to a directory (both end in
 * `/`). Every file appears whole or not at all. Throws `InvalidArgument`, `ObjectNotFound`, `NotAFile`.
 */
export async function copy(
	source: string,
	dest: string,
	options: CopyOptions = {},
): Promise<{ files: number; bytes: number }> {
	const { files } = platform();
	const [from, to] = [parseLocation(source), parseLocation(dest)];
	if (files === undefined || from.kind !== "file" || to.kind !== "file") {
		throw new BaleError(
			"Unsupported",
			`Cannot copy ${source} to ${dest}: this version of bale copies local files only`,
		);
	}
	const stat = await files.stat(from.path);
	const jobs: { from: { path: string }; to: string; size: number; replace: boolean }[] = [];
	const replace = options.overwrite ?? true;
	if (!from.path.endsWith("/")) {
		if (stat === undefined) throw nothingThere(from.path);
		if (stat.kind !== "file") {
			throw new BaleError("NotAFile", `Cannot copy ${from.path}: it is no regular file`, {
				hint: "End both paths with a slash to copy a directory",
				details: { path: from.path },
			});
		}
		const name = from.path.slice(from.path.lastIndexOf("/") + 1);
		jobs.push({
			from: { path: from.path },
			to: to.path.endsWith("/") ? to.path + name : to.path,
			size: stat.size,
			replace,
		});
	} else {
		if (!to.path.endsWith("/")) {
			throw new BaleError("InvalidArgument", `Cannot copy the directory ${source} to "${dest}"`, {
				hint: "End the destination with a slash too",
				details: { source, dest },
			});
		}
		if (stat?.kind !== "directory") throw nothingThere(from.path);
		for await (const file of files.walk(from.path.slice(0, -1) || "/", { signal: options.signal })) {
			jobs.push({
				from: { path: file.path },
				to: to.path + file.relativePath,
				size: file.stat.size,
				replace,
			});
		}
		if (jobs.length === 0) throw nothingThere(from.path);
	}
	const bytes = jobs.reduce((sum, job) => sum + job.size, 0);
	options.onProgress?.({ kind: "started", phase: "copy", files: jobs.length, bytes });
	await files.copy(jobs, {
		signal: options.signal,
		concurrency: options.concurrency,
		onBytes: (_index, count) => options.onProgress?.({ kind: "advanced", phase: "copy", bytes: count }),
	});
	options.onProgress?.({ kind: "finished", phase: "copy" });
	return { files: jobs.length, bytes };
}

function nothingThere(path: string): BaleError {
	const where = formatPhysicalKey({ kind: "file", path });
	return new BaleError("ObjectNotFound", `There is nothing to copy at ${where}`, { details: { path } });
}
