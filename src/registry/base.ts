import { isBaleError } from "../core/errors.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import type { Head, Registry } from "./registry.ts";

/**
 * What a publisher builds on: the latest revision as it was when the work began. `latest` is read once, and the
 * manifest that it names when that is first asked for, and once.
 */
export class Base {
	/** Undefined: there is no `latest`, or it holds no top hash and is to be written anew. */
	readonly head: Head | undefined;
	readonly #registry: Registry;
	#manifest: Promise<Manifest | undefined> | undefined;

	private constructor(registry: Registry, head: Head | undefined) {
		this.#registry = registry;
		this.head = head;
	}

	static async read(registry: Registry, name: PackageName, signal?: AbortSignal): Promise<Base> {
		const head = await registry.head(name, signal).catch((error: unknown) => {
			if (isBaleError(error, "CorruptPointer")) return undefined;
			throw error;
		});
		return new Base(registry, head);
	}

	/** Undefined where there is no latest revision, or its manifest cannot be read or does not give its hash. */
	manifest(signal?: AbortSignal): Promise<Manifest | undefined> {
		const { head } = this;
		this.#manifest ??=
			head === undefined
				? Promise.resolve(undefined)
				: this.#registry.read(head.topHash, { signal }).catch(() => undefined);
		return this.#manifest;
	}

	/** The manifest if somebody has asked for it already. */
	async knownManifest(): Promise<Manifest | undefined> {
		return this.#manifest;
	}
}
