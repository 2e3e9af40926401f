import { layout } from "../core/layout.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { Store } from "../storage/store.ts";

type Signal = AbortSignal | undefined;

/** So many names are given at once where they come page by page. */
const namesAtOnce = 1000;

/**
 * Names of all packages in a store, sorted by their UTF-8 bytes, some at a time: a promise for each would cost more than
 * finding it. A package is what has an object in its pointer folder.
 */
export async function* packageNames(store: Store, signal: Signal): AsyncGenerator<readonly string[]> {
	for await (const namespace of prefixesBelow(store, layout.namesPrefix, signal)) {
		const folders = store.folders?.(namespace);
		if (folders !== undefined) {
			yield await namesOfFolders(store, folders, signal);
			continue;
		}
		let names: string[] = [];
		for await (const prefix of prefixesBelow(store, namespace, signal)) {
			names.push(nameOf(prefix));
			if (names.length < namesAtOnce) continue;
			yield names;
			names = [];
		}
		yield names;
	}
}

/** Folders may be empty. Nearly every package has `latest`; what has not is looked through. */
async function namesOfFolders(store: Store, prefixes: readonly string[], signal: Signal): Promise<string[]> {
	const names: string[] = [];
	for (const prefix of prefixes) {
		throwIfAborted(signal);
		if (store.exists?.(`${prefix}latest`) === true || (await hasObjects(store, prefix, signal)))
			names.push(nameOf(prefix));
	}
	return names;
}

async function hasObjects(store: Store, prefix: string, signal: Signal): Promise<boolean> {
	for await (const _item of store.list(prefix, { signal })) return true;
	return false;
}

/** Common prefixes one level down; where they are folders, also empty ones. */
async function* prefixesBelow(store: Store, prefix: string, signal: Signal): AsyncGenerator<string> {
	throwIfAborted(signal);
	const folders = store.folders?.(prefix);
	if (folders !== undefined) {
		yield* folders;
		return;
	}
	for await (const item of store.list(prefix, { delimiter: "/", signal })) {
		if ("prefix" in item) yield item.prefix;
	}
}

/** The package whose pointers begin so. */
function nameOf(pointerPrefix: string): string {
	return pointerPrefix.slice(layout.namesPrefix.length, -1);
}
