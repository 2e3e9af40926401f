import type { Json } from "../core/json.ts";
import { Tree } from "../core/tree.ts";
import { userOrigin, type Origin } from "./origin.ts";

/** Which revisions of which packages an object has read or published: what it may be published over. */
export class KnownRevisions {
	readonly #byName = new Map<string, Set<string>>();
	readonly #byPlace = new Map<string, Set<string>>();

	add(registry: string, name: string, topHash: string): void {
		for (const [map, key] of [
			[this.#byName, name],
			[this.#byPlace, `${registry}\n${name}`],
		] as const) {
			const known = map.get(key) ?? new Set<string>();
			// The last one is the one that the package comes from.
			known.delete(topHash);
			known.add(topHash);
			map.set(key, known);
		}
	}

	/** Known under that name in any registry, the last one last. */
	named(name: string): ReadonlySet<string> {
		return this.#byName.get(name) ?? new Set();
	}

	/** Known from that registry, the last one last; undefined when the package was never read from or published to it. */
	at(registry: string, name: string): ReadonlySet<string> | undefined {
		return this.#byPlace.get(`${registry}\n${name}`);
	}

	clone(): KnownRevisions {
		const copy = new KnownRevisions();
		for (const [key, hashes] of this.#byName) copy.#byName.set(key, new Set(hashes));
		for (const [key, hashes] of this.#byPlace) copy.#byPlace.set(key, new Set(hashes));
		return copy;
	}
}

/** What a package is made of; the verbs work on this, the class is their face. */
export type PackageState = {
	header: Map<string, Json>;
	readonly tree: Tree;
	/** Of every entry that has no origin of its own. */
	readonly origin: Origin;
	readonly known: KnownRevisions;
};

/** A package that was never built: only the header of a new one. */
export function emptyState(): PackageState {
	return {
		header: new Map([["version", "v0"]]),
		tree: new Tree(),
		origin: userOrigin,
		known: new KnownRevisions(),
	};
}
