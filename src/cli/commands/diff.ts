import { compareLogicalKeys } from "../../core/logical-key.ts";
import { Package } from "../client.ts";
import { type Changes, changeLines, compare, countChanges, isEmpty } from "../changes.ts";
import type { Invocation, Report } from "../command.ts";
import { topHashOf } from "../content.ts";
import { usageError } from "../options.ts";
import { folderSelection } from "../publishing.ts";
import { type Target, browse, browseBoth, registryOf, runOptions, targetOf } from "../target.ts";

/** One side of a comparison, in the document. */
type Side =
	| { readonly name: string; readonly topHash: string | null; readonly registry: string }
	| { readonly dir: string };

/** `bale diff` */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output, words } = invocation;
	const from = targetOf(invocation);
	const word = words[1];
	const folder = options.text("dir") ?? (word !== undefined && isFolder(word) ? word : undefined);
	if (options.text("dir") !== undefined && word !== undefined) {
		throw usageError(spec, `"bale diff" compares with "${word}" or with --dir, not with both`);
	}
	let before: Package;
	let to: Side;
	let changes: Changes;
	if (folder === undefined) {
		const target = otherTarget(invocation, from, word);
		const [one, after] = await browseBoth(invocation, from, target);
		before = one;
		to = await side(target, after);
		changes = compare(before, after);
	} else {
		before = await browse(invocation, from);
		to = { dir: folder };
		changes = await compareFolder(invocation, before, folder);
	}
	const different = !isEmpty(changes);
	return {
		document: { from: await side(from, before), to, different, ...changes },
		ids: [...changes.added, ...changes.modified, ...changes.deleted].sort(compareLogicalKeys),
		data: changeLines(changes, output),
		notes: [different ? countChanges(changes) : "No file differs"],
		exitCode: different && options.flag("exit-code") ? 4 : 0,
	};
}

/** A package always has a slash, and does not begin as a path does. */
function isFolder(word: string): boolean {
	return /^([./~]|[A-Za-z]:[\\/])/.test(word) || /^[^/@:]+$/.test(word);
}

/** `@HASH` and `:POINTER` mean the package of the other side; nothing means its latest revision. */
function otherTarget(invocation: Invocation, from: Target, word: string | undefined): Target {
	if (word === undefined) return { ...from, topHash: undefined, pointer: "latest" };
	if (word.startsWith("@")) return { ...from, pointer: undefined, topHash: word.slice(1) };
	if (word.startsWith(":")) return { ...from, topHash: undefined, pointer: word.slice(1) };
	return targetOf(invocation, word);
}

async function side(target: Target, pkg: Package): Promise<Side> {
	return { name: target.name, topHash: topHashOf(pkg), registry: await registryOf(target) };
}

/** What a push of the folder would change: its files by the same rules, compared by each entry's own hash type. */
async function compareFolder(invocation: Invocation, pkg: Package, folder: string): Promise<Changes> {
	const there = new Set<string>();
	for (const [key] of (await packageOf(invocation, folder)).walk()) there.add(key);
	const { changed } = await pkg.verify(folder, { extraFilesOk: true, ...runOptions(invocation) });
	const deleted: string[] = [];
	for (const [key] of pkg.walk()) if (!there.delete(key)) deleted.push(key);
	const gone = new Set(deleted);
	return {
		added: [...there],
		modified: changed.map(({ key }) => key).filter((key) => !gone.has(key)),
		deleted,
	};
}

async function packageOf(invocation: Invocation, folder: string): Promise<Package> {
	const registry = invocation.options.text("registry");
	return await new Package().setDir(".", folder, folderSelection(invocation, registry));
}
