import { BaleError } from "../core/errors.ts";
import { Tree } from "../core/tree.ts";
import type { RunOptions } from "../transfer/events.ts";
import { materialize } from "./materialize.ts";
import { userOrigin, type ClientEntry } from "./origin.ts";
import { platform } from "./runtime.ts";
import { localDirectory } from "./sources.ts";
import { emptyState, type PackageState } from "./state.ts";

export type FetchOptions = RunOptions & {
	readonly overwrite?: boolean;
	readonly allowUnverified?: boolean;
};

/** Copies all files below a directory, verified; a package of the copies without metadata of package and directories. */
export async function fetchPackage(
	{ tree, origin }: PackageState,
	dest: string,
	options: FetchOptions = {},
): Promise<PackageState> {
	if (platform().files === undefined) throw new BaleError("Unsupported", "A page cannot write files");
	const root = localDirectory(dest, "fetch to");
	const items = [...tree.walk()].map(([key, entry]) => ({ key, source: key, entry }));
	const result = await materialize(items, origin, { ...options, dest: root });
	const copies = new Tree();
	for (const { key, entry } of items) {
		const copy: ClientEntry = {
			...entry,
			physicalKey: { kind: "file", path: `${result.dest}/${key}` },
			origin: userOrigin,
		};
		copies.set(key, copy);
	}
	return { ...emptyState(), tree: copies };
}
