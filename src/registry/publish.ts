/**
 * Publishing a revision: manifest, then a timestamp pointer, then `latest`. Each is whole or not there,
 * and `latest` is written only over the state that the publisher has seen, so that no revision is lost.
 */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { manifestPieces } from "../core/manifest-format.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import type { ByteSource } from "../storage/store.ts";
import { forgetAuthor, recordAuthor } from "./authors.ts";
import type { Base } from "./base.ts";
import { ManifestText, sameBytes } from "./bytes.ts";
import { conflict, newestPointer } from "./conflict.ts";
import { damageCodes, type Head, type Registry } from "./registry.ts";

export type PublishOptions = {
	/** The manifest's text; its content must give `topHash`. */
	readonly manifest: ByteSource;
	readonly topHash: TopHash;
	/**
	 * Which `latest` may be replaced: `"any"` adds a revision after whatever is there, a set refuses with
	 * `Conflict` when another revision is latest. No `latest` at all is always acceptable.
	 */
	readonly accept: "any" | ReadonlySet<string>;
	/** What was latest before: when that is this very revision, nothing is read again. */
	readonly base?: Base | undefined;
	/** Whether a manifest that is already there under this hash can still be used; default: yes. */
	readonly usable?: (existing: Manifest) => Promise<boolean>;
	/** Who publishes, for the next one's `Conflict`; recorded beside the registry's own folder. */
	readonly author?: string | undefined;
	readonly onWarning?: ((code: string, message: string) => void) | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type Published = {
	readonly topHash: TopHash;
	/** The timestamp pointer that was written; undefined when `latest` named this revision already. */
	readonly pointer: string | undefined;
	readonly changed: boolean;
	/** The manifest that was there already and stays, when its text is another one. */
	readonly kept?: Manifest | undefined;
};

const SWAP_ATTEMPTS = 200;
const TIMESTAMP_ATTEMPTS = 10_000;
const PUT_UNSEEN_BYTES = 1024 * 1024;
const CLOCK_TOLERANCE_SECONDS = 300;
/** Pointers older than this are not looked at: they can neither be the greatest nor left by a publisher who comes back. */
const LOOK_BACK_SECONDS = 24 * 60 * 60;

/**
 * Publishes `topHash` under `name`. Throws `Conflict` (nothing of ours stays in the history then), and what
 * the store throws. Doing it again after a success changes nothing.
 */
export async function publish(
	registry: Registry,
	name: PackageName,
	options: PublishOptions,
): Promise<Published> {
	const { topHash, base, signal } = options;
	if (base?.head?.topHash === topHash) {
		const existing = await base.knownManifest();
		const { kept } = await writeManifest(registry, { ...options, isNamed: true, existing });
		return { topHash, pointer: undefined, changed: false, kept };
	}
	let head = await acceptableHead(registry, name, options);
	if ((await registry.store.detectConditions?.(signal)) === false) {
		options.onWarning?.(
			"NoConditions",
			`The service of ${registry.location} ignores the conditions of writes: if somebody else publishes "${name}" at the same moment, one of the two revisions can be lost from latest`,
		);
	}
	const isNamed = head !== "damaged" && head?.topHash === topHash;
	const { kept, isNew } = await writeManifest(registry, { ...options, isNamed });
	if (isNamed) return { topHash, pointer: undefined, changed: false, kept };

	const { pointer, etag } = await writeTimestamp(registry, name, isNew, options);
	// Before `latest` names the revision, so that whoever conflicts with it can read who published it.
	if (options.author !== undefined) {
		await recordAuthor(registry, name, { pointer, author: options.author, topHash }, signal);
	}
	let mayHaveBeenLatest = false;
	for (let attempt = 1; ; attempt++) {
		try {
			await registry.store.put(layout.latest(name), new TextEncoder().encode(topHash), {
				signal,
				condition: await conditionOn(registry, name, head, signal),
			});
			return { topHash, pointer, changed: true, kept };
		} catch (error) {
			if (!isBaleError(error, "Conflict") || attempt === SWAP_ATTEMPTS) throw error;
			mayHaveBeenLatest ||= error.details["answer"] === "lost";
		}
		try {
			head = await acceptableHead(registry, name, options);
		} catch (error) {
			// Others may have built on what was latest for a while: its place in the history stays.
			if (etag !== undefined && !mayHaveBeenLatest) {
				const key = layout.timestamp(name, Number(pointer));
				await registry.store.delete(key, { ifEtag: etag }).catch(() => undefined);
				await forgetAuthor(registry, name, pointer);
			}
			throw error;
		}
		if (head !== undefined && head !== "damaged") {
			if (head.topHash === topHash) return { topHash, pointer, changed: true, kept };
			// Somebody who did not look either has published after us: `latest` is theirs, as if ours had come before.
			const theirs = await newestPointer(registry, name, head.topHash, signal);
			if (Number(theirs ?? 0) > Number(pointer)) return { topHash, pointer, changed: true, kept };
		}
		await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(250, 5 * attempt)));
	}
}

/** Throws `Conflict`, which says what was published and when, unless the latest revision may be replaced. */
export async function checkBase(
	registry: Registry,
	name: PackageName,
	{ head }: Base,
	accept: "any" | ReadonlySet<string>,
	signal?: AbortSignal,
): Promise<void> {
	if (head === undefined || accept === "any" || accept.has(head.topHash)) return;
	throw await conflict(registry, name, head.topHash, accept, signal);
}

type HeadState = Head | undefined | "damaged";

async function acceptableHead(
	registry: Registry,
	name: PackageName,
	options: Pick<PublishOptions, "accept" | "signal"> & { readonly topHash?: TopHash },
): Promise<HeadState> {
	const head = await registry.head(name, options.signal).catch(repairable);
	if (head === undefined || head === "damaged" || options.accept === "any") return head;
	if (options.accept.has(head.topHash) || head.topHash === options.topHash) return head;
	throw await conflict(registry, name, head.topHash, options.accept, options.signal);
}

/** A pointer that holds no hash can be written anew by a publisher; everything else is an error. */
function repairable(error: unknown): "damaged" {
	if (isBaleError(error, "CorruptPointer")) return "damaged";
	throw error;
}

async function conditionOn(
	registry: Registry,
	name: PackageName,
	head: HeadState,
	signal: AbortSignal | undefined,
): Promise<{ ifAbsent: true } | { ifEtag: string }> {
	if (head === undefined) return { ifAbsent: true };
	if (head !== "damaged") return { ifEtag: head.etag };
	const info = await registry.store.head(layout.latest(name), { signal });
	return info === undefined ? { ifAbsent: true } : { ifEtag: info.etag };
}

/** What became of a manifest. */
type WrittenManifest = {
	/** Nothing was there under this hash. */
	readonly isNew: boolean;
	/** The one that was there already and stays, when its text is another one. */
	readonly kept?: Manifest | undefined;
};

/**
 * Writes the manifest unless a good one is there. One with other bytes under the same hash differs in what the
 * hash does not cover (physical keys, directory metadata): it is kept as long as it can still be used, because
 * older pointers name it too.
 */
export async function writeManifest(
	registry: Registry,
	options: Pick<PublishOptions, "topHash" | "manifest" | "usable" | "onWarning" | "signal"> & {
		/** A pointer names it, so it should be there. */
		readonly isNamed?: boolean;
		/** The one that is there, where it has just been read. */
		readonly existing?: Manifest | undefined;
	},
): Promise<WrittenManifest> {
	const { manifest, signal } = options;
	const key = layout.manifest(options.topHash);
	const isUsable = async (existing: Manifest): Promise<boolean> => (await options.usable?.(existing)) ?? true;
	if (options.existing !== undefined) {
		const text = ManifestText.from(manifestPieces(options.existing));
		if (text.size === manifest.size && (await sameBytes(text.open(), manifest))) return { isNew: false };
		if (await isUsable(options.existing)) return { isNew: false, kept: options.existing };
	} else if (options.isNamed !== true && (await putNew(registry, key, manifest, signal)))
		return { isNew: true };
	const existing = await registry.store.get(key, { signal });
	if (existing !== undefined) {
		if (existing.info.size === manifest.size && (await sameBytes(existing.body, manifest)))
			return { isNew: false };
		await existing.body.cancel().catch(() => undefined);
		const kept = await registry.read(options.topHash, { signal }).catch((error: unknown) => {
			if (isBaleError(error, ...damageCodes, "Unverifiable")) {
				options.onWarning?.("TopHashMismatch", `The damaged manifest ${options.topHash} is written anew`);
				return undefined;
			}
			throw error;
		});
		if (kept !== undefined && (await isUsable(kept))) return { isNew: false, kept };
	}
	await registry.store.put(key, manifest, { signal });
	return { isNew: existing === undefined };
}

/**
 * Most manifests are new: they are written without being looked for, where the store does not write over one that is there.
 * A large one is looked for, so that it is not sent in vain.
 */
async function putNew(
	{ store }: Registry,
	key: string,
	manifest: ByteSource,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	const isKept = (await store.detectConditions?.(signal)) ?? store.features.conditions;
	if (!isKept || manifest.size > PUT_UNSEEN_BYTES) return false;
	try {
		await store.put(key, manifest, { signal, condition: { ifAbsent: true } });
		return true;
	} catch (error) {
		if (!isBaleError(error, "Conflict")) throw error;
		return false;
	}
}

/**
 * The next free second, never below the greatest that is there, so that the history keeps its order; the newest pointer itself
 * when it names this revision already, which none can whose manifest is new. `etag`: the pointer was written now.
 */
async function writeTimestamp(
	registry: Registry,
	name: PackageName,
	isNew: boolean,
	options: PublishOptions,
): Promise<{ pointer: string; etag: string | undefined }> {
	const nowSeconds = Math.floor(registry.options.now() / 1000);
	const prefix = layout.pointerPrefix(name);
	let greatest = 0;
	// Numbers sort as texts only while they have the same length.
	const first = String(nowSeconds - LOOK_BACK_SECONDS);
	const from = first.length === 10 ? { startAfter: prefix + first } : {};
	for await (const item of registry.store.list(prefix, { ...from, signal: options.signal })) {
		if ("prefix" in item) continue;
		const pointer = item.key.slice(prefix.length);
		if (/^\d{1,15}$/.test(pointer)) greatest = Math.max(greatest, Number(pointer));
	}
	if (greatest > nowSeconds + CLOCK_TOLERANCE_SECONDS) {
		options.onWarning?.(
			"Clock",
			`The newest revision of "${name}" is dated ${new Date(greatest * 1000).toISOString()}, later than this machine's clock; the new one is put after it`,
		);
	}
	// A publisher that died before it moved `latest` left this pointer: publishing again completes it.
	if (greatest > 0 && !isNew && (await namesRevision(registry, name, greatest, options))) {
		return { pointer: String(greatest), etag: undefined };
	}
	let seconds = Math.max(nowSeconds, greatest === 0 ? 0 : greatest + (greatest >= nowSeconds ? 1 : 0));
	for (let attempt = 0; attempt < TIMESTAMP_ATTEMPTS; attempt++, seconds++) {
		try {
			const bytes = new TextEncoder().encode(options.topHash);
			const { etag } = await registry.store.put(layout.timestamp(name, seconds), bytes, {
				signal: options.signal,
				condition: { ifAbsent: true, neverThere: true },
			});
			return { pointer: String(seconds), etag };
		} catch (error) {
			if (!isBaleError(error, "Conflict")) throw error;
		}
	}
	throw new BaleError("StoreUnavailable", `Cannot find a free second for "${name}" in ${registry.location}`);
}

async function namesRevision(
	registry: Registry,
	name: PackageName,
	seconds: number,
	options: PublishOptions,
): Promise<boolean> {
	try {
		return (await registry.follow(name, String(seconds), options.signal)) === options.topHash;
	} catch (error) {
		if (isBaleError(error, "CorruptPointer", "RevisionNotFound")) return false;
		throw error;
	}
}
