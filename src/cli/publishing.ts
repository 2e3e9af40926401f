/** What build and push have in common: making a package from a folder, and saying what it changes. */
import { BaleError } from "../core/errors.ts";
import { hasScheme } from "../core/physical-key.ts";
import { Package, packageOfBase, readBase, type SetDirOptions } from "./client.ts";
import { type Changes, compare, countChanges, isEmpty } from "./changes.ts";
import type { Invocation } from "./command.ts";
import { topHashOf } from "./content.ts";
import { formatBytes, plural, shortHash } from "./format.ts";
import { readMetadata } from "./metadata.ts";
import { usageError } from "./options.ts";
import { given, runOptions } from "./target.ts";

/** A package that is to be published, and the revision that is the latest now. */
export type Draft = Previous & {
	readonly package: Package;
	/** With `--update`: files of the latest revision are in it that the folder does not have. */
	readonly keepsOthers?: boolean;
};

/** What is latest: as it was read for publishing, and as a package to compare with, where there is one that can be read. */
export type Previous = { readonly base: PublishBase | undefined; readonly previous: Package | undefined };

type PublishBase = Awaited<ReturnType<typeof readBase>>;

/** What the command line says about the new revision, read before anything is touched. */
export type Wishes = {
	readonly meta: unknown;
	readonly keepMeta: boolean;
	readonly update: boolean;
	readonly message: string | undefined;
	/** Null: explicitly none. */
	readonly workflow: string | null | undefined;
};

/** Reads the options of a revision. Wrong JSON is refused here, before any file is looked at. */
export async function readWishes({ spec, options }: Invocation): Promise<Wishes> {
	const text = options.text("meta");
	const keepMeta = options.flag("keep-meta");
	if (text !== undefined && keepMeta) throw usageError(spec, "--meta and --keep-meta exclude each other");
	const workflow = options.text("workflow");
	return {
		meta: text === undefined ? undefined : await readMetadata(text),
		keepMeta,
		update: options.flag("update"),
		message: options.text("message"),
		workflow: workflow === "" ? null : workflow,
	};
}

/** The folder's content as a package; see `--dir`, `--update`, `--meta` and `--keep-meta`. */
export async function draftFromFolder(
	invocation: Invocation,
	folder: string,
	target: { readonly name: string; readonly registry: string | undefined },
	wishes: Wishes,
	how: Pick<SetDirOptions, "hash"> = {},
): Promise<Draft> {
	const { output } = invocation;
	const needed = wishes.keepMeta || wishes.update;
	const { base, previous } = await readPrevious(invocation, target, needed);
	const draft =
		(wishes.update && base !== undefined ? await packageOfBase(base) : undefined) ?? new Package();
	if (previous !== undefined && wishes.meta === undefined && !wishes.keepMeta && hasMetadata(previous.meta)) {
		output.warn(
			"MetadataDropped",
			`The metadata of the previous revision ${shortHash(previous.topHash)} is not kept; --keep-meta keeps it, --meta replaces it`,
		);
	}
	await draft.setDir(".", folder, {
		meta: wishes.keepMeta && previous !== undefined ? previous.meta : (wishes.meta ?? null),
		...folderSelection(invocation, target.registry),
		...how,
	});
	return { package: draft, base, previous, keepsOthers: wishes.update && keepsAny(previous, draft) };
}

/** Whether any file of a package is still in another one as it was. */
function keepsAny(previous: Package | undefined, draft: Package): boolean {
	for (const [key, { physicalKey }] of previous?.walk() ?? [])
		if (draft.get(key) === physicalKey) return true;
	return false;
}

/** A folder that is no folder of this machine. */
export function isRemote(folder: string): boolean {
	return hasScheme(folder) && !/^file:/i.test(folder);
}

/** Which files of a folder count; a registry that lies in the folder is no part of it. */
export function folderSelection(invocation: Invocation, registry: string | undefined): SetDirOptions {
	const { options } = invocation;
	return {
		include: [...options.list("include")],
		exclude: [...options.list("exclude")],
		...(registry === undefined || /^[a-z][a-z0-9+.-]+:/i.test(registry) ? {} : { without: [registry] }),
		...given("ignore", options.text("ignore") as "quilt" | "git" | "none" | undefined),
		...runOptions(invocation),
	};
}

/** Reads what is latest. Unless it is needed, a revision that cannot be read is none. */
export async function readPrevious(
	{ signal, output }: Invocation,
	{ name, registry }: { readonly name: string; readonly registry: string | undefined },
	needed = false,
): Promise<Previous> {
	let base: PublishBase | undefined;
	try {
		base = await readBase(name, registry, { signal });
		return { base, previous: await packageOfBase(base, { allowUnverified: !needed, signal }) };
	} catch (error) {
		// What cannot even be asked for is said by the verb itself.
		if (!(error instanceof BaleError) || error.code === "Aborted" || needed) throw error;
		if (base !== undefined) output.warn(error.code, `The previous revision cannot be read: ${error.message}`);
		return { base, previous: undefined };
	}
}

/** The member `changes` of documents: null where there is nothing to compare with. */
export function changesSince(
	previous: Package | undefined,
	next: { readonly package: Package; readonly topHash: string },
): (Changes & { readonly from: string | null }) | null {
	if (previous === undefined) return null;
	const from = topHashOf(previous);
	// One hash, one content: nothing is read to find that out.
	if (from === next.topHash) return { from, added: [], modified: [], deleted: [] };
	return { from, ...compare(previous, next.package) };
}

/** `12 files, 3.4 MiB; 2 added, 1 changed, 0 removed since 3f9c21ab12` */
export function contentLine(
	result: { readonly files: number; readonly bytes: number },
	changes: (Changes & { readonly from: string | null }) | null,
): string {
	const content = `  ${plural(result.files, "file")}, ${formatBytes(result.bytes)}`;
	if (changes === null) return `${content}; the first revision`;
	const since = `since ${changes.from === null ? "the revision before" : shortHash(changes.from)}`;
	return isEmpty(changes)
		? `${content}; no file changed ${since}`
		: `${content}; ${countChanges(changes)} ${since}`;
}

/** What the registry's rules said to a revision that they let pass. */
export function workflowLines(result: {
	readonly dryRun: boolean;
	readonly workflow?: { readonly id: string | null };
}): string[] {
	const { workflow, dryRun } = result;
	if (workflow === undefined) return [];
	if (workflow.id === null) return ["  no workflow; the registry allows that"];
	return [`  the workflow "${workflow.id}" ${dryRun ? "lets it pass" : "let it pass"}`];
}

function hasMetadata(meta: unknown): boolean {
	return meta !== null && meta !== undefined && !(typeof meta === "object" && Object.keys(meta).length === 0);
}
