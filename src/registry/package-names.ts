import { layout } from "../core/layout.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { Store } from "../storage/store.ts";

type Signal = AbortSignal | undefined;

/** So many names are given at once where they come page by page. */
const namesAtOnce = 1000;

/**
 * Names of all packages in a store, in the order of their keys, some at a time: a promise for each would cost more than
 * finding it. A package is what has an object in its pointer folder.
 */
export async function* packageNames(store: Store, signal: Signal): AsyncGenerator<readonly string[]> {
	const namespaces = store.folders?.(layout.namesPrefix);
	if (namespaces !== undefined) {
		for (const namespace of namespaces) {
			throwIfAborted(signal);
			const names = store.folders?.(`${layout.namesPrefix}${namespace}/`, "latest") ?? [];
			yield names.map((name) => `${namespace}/${name}`);
		}
		return;
	}
	for await (const namespace of prefixesBelow(store, layout.namesPrefix, signal)) {
		let names: string[] = [];
		for await (const prefix of prefixesBelow(store, namespace, signal)) {
			names.push(prefix.slice(layout.namesPrefix.length, -1));
			if (names.length < namesAtOnce) continue;
			yield names;
			names = [];
		}
		yield names;
	}
}

/** Common prefixes one level down. */
async function* prefixesBelow(store: Store, prefix: string, signal: Signal): AsyncGenerator<string> {
	throwIfAborted(signal);
	for await (const item of store.list(prefix, { delimiter: "/", signal })) {
		if ("prefix" in item) yield item.prefix;
	}
}
