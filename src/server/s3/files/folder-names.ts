import { readdir } from "node:fs/promises";
import { compareNames, sortNames } from "../../../core/logical-key.ts";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { linkStatOf } from "../../../node/file-stat.ts";
import { isMarked, isReached } from "./newest.ts";
import { folderMark, historyMark } from "../../../core/served-folder.ts";
import { type Places, isHidden, isObjectKey, recordMark } from "./places.ts";

/** Folders with more names than this are remembered between the pages of a listing. */
const rememberedNames = 1000;
const rememberedFolders = 4;
/** Within this time a folder may change without its time changing. */
const clockGrainMs = 2000;

/** Names in folders, sorted as the keys below them sort: by their UTF-8 bytes, a folder as `name/`. */
export class FolderNames {
	readonly #remembered = new Map<string, { readonly state: string; readonly names: readonly string[] }>();

	readonly places: Places;

	constructor(places: Places) {
		this.places = places;
	}

	/** Of the objects and the folders in `base`, which is empty or ends in a slash. */
	async ofObjects(base: string): Promise<readonly string[]> {
		const names = await this.#remembering(`objects ${base}`, [this.places.object(base)], () =>
			this.#readObjects(base),
		);
		return this.#withItself(base, names);
	}

	/** Also of those that have versions only. */
	async ofVersions(base: string): Promise<readonly string[]> {
		const folders = [this.places.object(base), this.places.recordFolder(base)];
		const names = await this.#remembering(`versions ${base}`, folders, async () => {
			const recorded = await readSorted(this.places.recordFolder(base), toKeyName);
			return merge(await this.#readObjects(base), recorded);
		});
		return this.#withItself(base, names);
	}

	/** A folder that somebody made an object of comes before all in it. */
	#withItself(base: string, names: readonly string[]): readonly string[] {
		return isMarked(this.places, base) ? ["", ...names] : names;
	}

	async #readObjects(base: string): Promise<string[]> {
		if (!isReached(this.places, base)) return [];
		return readSorted(this.places.object(base), (name, kind) => {
			if (kind === "directory") return isHidden(`${base}${name}/`) ? undefined : `${name}/`;
			return kind === "file" && isObjectKey(base + name) ? name : undefined;
		});
	}

	async #remembering(
		subject: string,
		folders: readonly string[],
		read: () => Promise<string[]>,
	): Promise<readonly string[]> {
		const stats = folders.map((folder) => linkStatOf(folder.replace(/\/$/, "")));
		const state = stats.map((stat) => `${stat?.inode}-${stat?.mtimeNs}-${stat?.ctimeNs}`).join();
		const remembered = this.#remembered.get(subject);
		if (remembered?.state === state) return remembered.names;
		const isOld = stats.every(
			(stat) => Date.now() - Number((stat?.ctimeNs ?? 0n) / 1_000_000n) > clockGrainMs,
		);
		const names = await read();
		this.#remembered.delete(subject);
		if (isOld && names.length > rememberedNames) this.#remember(subject, { state, names });
		return names;
	}

	#remember(subject: string, found: { state: string; names: readonly string[] }): void {
		this.#remembered.set(subject, found);
		for (const oldest of this.#remembered.keys()) {
			if (this.#remembered.size <= rememberedFolders) break;
			this.#remembered.delete(oldest);
		}
	}
}

/** The name of a key, or of a folder, from the name of a record of it. */
function toKeyName(name: string): string | undefined {
	const bare = name.slice(0, -1);
	if (bare === "") return undefined; // The record of the folder itself.
	if (name.endsWith(folderMark)) return `${bare}/`;
	return name.endsWith(recordMark) || name.endsWith(historyMark) ? bare : undefined;
}

type ToName = (name: string, kind: "file" | "directory" | "other") => string | undefined;

async function readSorted(path: string, toName: ToName): Promise<string[]> {
	try {
		const names: string[] = [];
		for (const entry of await readdir(path, { withFileTypes: true })) {
			const kind = entry.isFile() ? "file" : entry.isDirectory() ? "directory" : "other";
			const name = toName(entry.name, kind);
			if (name !== undefined) names.push(name);
		}
		return sortNames(names);
	} catch (error) {
		if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
		throw fileError(error, "list", path);
	}
}

/** All names of both, once each. A key has up to two names among the records, which are neighbours. */
function merge(a: readonly string[], b: readonly string[]): string[] {
	const merged: string[] = [];
	for (let i = 0, j = 0; i < a.length || j < b.length;) {
		const left = a[i];
		const right = b[j];
		const order = left === undefined ? 1 : right === undefined ? -1 : compareNames(left, right);
		const name = (order <= 0 ? left : right) ?? "";
		if (order <= 0) i++;
		else j++;
		if (merged.at(-1) !== name) merged.push(name);
	}
	return merged;
}
