/** What of a local directory is taken into a package. */
import { BaleError } from "../core/errors.ts";
import { compileQuiltIgnore } from "../core/ignore-rules.ts";
import type { RunOptions } from "../transfer/events.ts";
import type { LocalFiles, WalkOptions } from "./platform.ts";
import { platform } from "./runtime.ts";

/** Which files of a directory count. */
export type FolderSelection = RunOptions & {
	/** How `.quiltignore` at the root of the directory is read: by quilt3's rules (default), as gitignore, or not. */
	readonly ignore?: "quilt" | "git" | "none" | undefined;
	/** Globs on the path below the directory: only these files. */
	readonly include?: readonly string[] | undefined;
	/** Globs on the path below the directory: not these files. */
	readonly exclude?: readonly string[] | undefined;
	/** Directory registries: those below the directory are left out, with a warning. */
	readonly without?: readonly string[] | undefined;
};

export type Folder = {
	readonly files: LocalFiles;
	readonly root: string;
	readonly selected: (path: string) => boolean;
	readonly walkOptions: WalkOptions;
};

/** What a walk of a directory needs to find what is wanted of it. Throws `NotAFile`. */
export async function openFolder(path: string, options: FolderSelection): Promise<Folder> {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot read local directories");
	const root = path.replace(/(?<=.)\/+$/, "");
	const stat = await files.stat(root);
	if (stat?.kind !== "directory") {
		throw new BaleError(
			"NotAFile",
			`Cannot read the directory ${root}: ${stat === undefined ? "it does not exist" : "it is no directory"}`,
			{
				details: { path: root },
			},
		);
	}
	const ignored = await ignoreRules(root, options);
	const without = new Set(
		(options.without ?? []).map((directory) => {
			const path = files.resolve(directory).replace(/(?<=.)\/+$/, "");
			return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : "";
		}),
	);
	const selected = await selection(options);
	const walkOptions: WalkOptions = {
		signal: options.signal,
		ignore: (path, isDirectory) => {
			if (!isDirectory || !without.has(path)) return ignored?.(path, isDirectory) === true;
			options.onProgress?.({
				kind: "warning",
				code: "DirectoryLeftOut",
				message: `"${path}" is left out: it is the registry`,
				details: { path },
			});
			return true;
		},
		onWarning: ({ relativePath, reason }) =>
			options.onProgress?.({
				kind: "warning",
				code: reason === "dangling-link" ? "DanglingLink" : "SpecialFile",
				message: `"${relativePath}" is left out: it is ${reason === "dangling-link" ? "a link to nothing" : "no regular file"}`,
				details: { path: relativePath },
			}),
	};
	return { files, root, selected, walkOptions };
}

async function ignoreRules(
	root: string,
	options: FolderSelection,
): Promise<((path: string, isDirectory: boolean) => boolean) | undefined> {
	const mode = options.ignore ?? "quilt";
	if (mode === "none") return undefined;
	const text = await platform().files?.readText(`${root}/.quiltignore`);
	if (text === undefined) return undefined;
	if (mode === "quilt") return compileQuiltIgnore(text);
	const { default: ignore } = await import("ignore");
	const rules = ignore({ ignorecase: false }).add(text);
	return (path, isDirectory) => rules.ignores(isDirectory ? `${path}/` : path);
}

/** Globs are compiled by a library that is only loaded when there are some: a page never needs it. */
export async function selection(options: FolderSelection): Promise<(path: string) => boolean> {
	if ((options.include?.length ?? 0) + (options.exclude?.length ?? 0) === 0) return () => true;
	const { default: picomatch } = await import("picomatch");
	const compile = (globs: readonly string[] | undefined): ((path: string) => boolean) | undefined =>
		globs === undefined || globs.length === 0 ? undefined : picomatch([...globs], { dot: true });
	const include = compile(options.include);
	const exclude = compile(options.exclude);
	return (path) => (include?.(path) ?? true) && exclude?.(path) !== true;
}

/** Throws `InvalidKey` that lists what can be no logical keys, if there is anything. */
export function refuseInvalid(keys: readonly string[], where: string): void {
	if (keys.length === 0) return;
	throw new BaleError("InvalidKey", `Cannot use ${keys.length} file names below ${where} as logical keys`, {
		details: { keys },
	});
}
