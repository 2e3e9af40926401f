import { BaleError, isBaleError } from "../core/errors.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import type { Head, Registry } from "./registry.ts";

/**
 * What a publisher builds on: the latest revision as it was when the work began. `latest` is read once, and the
 * manifest that it names when that is first asked for, and once.
 */
export class Base {
	readonly registry: Registry;
	readonly name: PackageName;
	/** Undefined: there is no `latest`, or it holds no top hash and is to be written anew. */
	readonly head: Head | undefined;
	/** Why `latest` holds no top hash. */
	readonly #damage: BaleError | undefined;
	#manifest: Promise<Manifest> | undefined;

	private constructor(registry: Registry, name: PackageName, found: Head | BaleError | undefined) {
		this.registry = registry;
		this.name = name;
		if (found instanceof BaleError) this.#damage = found;
		else this.head = found;
	}

	static async read(registry: Registry, name: PackageName, signal?: AbortSignal): Promise<Base> {
		const found = await registry.head(name, signal).catch((error: unknown) => {
			if (isBaleError(error, "CorruptPointer")) return error;
			throw error;
		});
		return new Base(registry, name, found);
	}

	/** What `latest` was found to name. */
	static of(registry: Registry, name: PackageName, head: Head | undefined): Base {
		return new Base(registry, name, head);
	}

	/** Undefined where there is no latest revision, or its manifest cannot be read or does not give its hash. */
	manifest(signal?: AbortSignal): Promise<Manifest | undefined> {
		return this.#read(signal)?.catch(() => undefined) ?? Promise.resolve(undefined);
	}

	/**
	 * Undefined where there is no latest revision. Throws what reading it throws, `CorruptPointer` too; with
	 * `allowUnverified` a manifest that does not give its hash is taken.
	 */
	async revision({
		allowUnverified = false,
		signal,
	}: {
		readonly allowUnverified?: boolean | undefined;
		readonly signal?: AbortSignal | undefined;
	} = {}): Promise<Manifest | undefined> {
		if (this.#damage !== undefined) throw this.#damage;
		if (this.head === undefined) return undefined;
		const { topHash } = this.head;
		return this.#read(signal)?.catch((error: unknown) => {
			if (!allowUnverified || !isBaleError(error, "TopHashMismatch", "Unverifiable")) throw error;
			return this.registry.read(topHash, { allowUnverified, signal });
		});
	}

	/** The manifest if somebody has asked for it already. */
	async knownManifest(): Promise<Manifest | undefined> {
		return this.#manifest?.catch(() => undefined);
	}

	#read(signal: AbortSignal | undefined): Promise<Manifest> | undefined {
		if (this.head === undefined) return undefined;
		return (this.#manifest ??= this.registry.read(this.head.topHash, { signal }));
	}
}
