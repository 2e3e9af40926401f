/** The functions beside `Package`: what registries hold, and deleting. */
import { parsePackageName } from "../core/names.ts";
import { deletePointers, planDeletion } from "../registry/pointers.ts";
import { readAuthor } from "../registry/authors.ts";
import { packageNotFound } from "../registry/registry.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";

/** Names of the packages in a registry (default: the local one), lazily; none when the registry does not exist. */
export async function* listPackages(
	registry?: RegistryInput,
	options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<string> {
	for await (const names of (await openRegistry(registry, "local")).names(options.signal)) yield* names;
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
	const deletion = await preparePackageDeletion(name, registry, options);
	if (options.dryRun === true) return deletion.plan;
	await deletion.carryOut();
	return { ...deletion.plan, dryRun: false };
}

/** What `deletePackage` would do now, which can be done afterwards without looking again. */
export async function preparePackageDeletion(
	name: string,
	registry: RegistryInput | undefined,
	{ topHash: given, signal }: Pick<DeleteOptions, "topHash" | "signal">,
): Promise<{ readonly plan: DeleteResult; carryOut(): Promise<void> }> {
	const parsed = parsePackageName(name);
	const opened = await openRegistry(registry, "local");
	const topHash = given === undefined ? undefined : await opened.resolve(given, signal);
	const deletion = await planDeletion(opened, parsed, topHash, signal);
	const { remove: pointers, latest } = deletion;
	return {
		plan: { name, registry: opened.location, topHash: topHash ?? null, pointers, latest, dryRun: true },
		carryOut: () => deletePointers(opened, parsed, deletion, signal),
	};
}
