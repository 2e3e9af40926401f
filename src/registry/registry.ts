/**
 * Revisions of named packages, kept in a store: manifests under their top hash and pointers that name
 * them. Knows nothing of data, users or settings.
 *
 * The rules that make publishing safe are in `publish.ts`; deleting and rolling back in `pointers.ts`.
 */
import { BaleError, isBaleError } from "../core/errors.ts";
import type { CreateDigest } from "../core/hash.ts";
import { layout } from "../core/layout.ts";
import {
	formatFacts,
	ManifestPass,
	openManifest,
	parseFacts,
	type PassedManifest,
} from "../core/manifest-open.ts";
import { ManifestPairPass } from "../core/manifest-pair.ts";
import { ManifestParser, type Manifest, type ParsedManifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import { formatPhysicalKey } from "../core/physical-key.ts";
import { computeTopHash, isTopHash, parseTopHash, type TopHash } from "../core/top-hash.ts";
import { decodeUtf8Lenient } from "../core/utf8.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { LocalBytes, ObjectBody, ObjectInfo, Store } from "../storage/store.ts";
import { packageNames } from "./package-names.ts";
import { repeatedly } from "./repeatedly.ts";

/** A pointer as it was read: `latest` or whole seconds since the epoch in decimal. */
export type Pointer = {
	readonly pointer: string;
	readonly topHash: TopHash;
	readonly modifiedAt: Date;
};

/** The state of `latest` that a publisher builds on; `etag` makes the final write conditional. */
export type Head = { readonly topHash: TopHash; readonly etag: string; readonly modifiedAt: Date };

export type RegistryOptions = {
	readonly createSha256: CreateDigest;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Remembers which manifest files were checked; absent: each is checked whenever it is read. */
	readonly notes?: Notes;
};

/** Small texts by the state of a file, kept outside of any registry; they may be forgotten at any time. */
export interface Notes {
	/** `state`: as `LocalBytes` tells it. */
	recall(state: string): string | undefined;
	remember(state: string, text: string): void;
}

type Signal = AbortSignal | undefined;

const POINTER_LIMIT_BYTES = 1024;
/** Another client may rewrite a pointer in place: an empty one is read again before it counts as damaged. */
const EMPTY_POINTER_READS = 6;
const EMPTY_POINTER_WAIT_MS = 40;

/** What parsing a manifest reports. */
const manifestCodes = [
	"InvalidManifest",
	"DuplicateKey",
	"KeyCollision",
	"LimitExceeded",
	"InvalidUrl",
	"UnsupportedScheme",
] as const;
/** What damaged bytes of a manifest or pointer are reported as. */
export const damageCodes = [...manifestCodes, "TopHashMismatch", "IntegrityMismatch"] as const;

export class Registry {
	readonly store: Store;
	readonly options: RegistryOptions;
	/** Manifests that were read ahead, and not asked for yet. */
	readonly #ahead = new Map<TopHash, ParsedManifest>();

	constructor(store: Store, options: RegistryOptions) {
		this.store = store;
		this.options = options;
	}

	/** Text form of where the registry is. */
	get location(): string {
		return this.store.address ?? formatPhysicalKey(this.store.root);
	}

	/** Names of all packages, some at a time, sorted by their UTF-8 bytes; manifests are not opened. */
	names(signal?: Signal): AsyncGenerator<readonly string[]> {
		return packageNames(this.store, signal);
	}

	/**
	 * Pointers of a package by age, `latest` last. What is no pointer is left out: other names in the folder, and files
	 * that hold no top hash (`bale doctor` tells of them).
	 */
	async pointers(name: PackageName, signal?: Signal): Promise<Pointer[]> {
		const prefix = layout.pointerPrefix(name);
		const found: Pointer[] = [];
		for await (const item of this.store.list(prefix, { signal })) {
			if ("prefix" in item) continue;
			const pointer = item.key.slice(prefix.length);
			if (pointer !== "latest" && !/^\d+$/.test(pointer)) continue;
			const text = await this.#pointerText(item.key, signal);
			if (text === undefined || !isTopHash(text)) continue;
			found.push({ pointer, topHash: text, modifiedAt: item.modifiedAt });
		}
		return found.sort((a, b) => pointerOrder(a.pointer) - pointerOrder(b.pointer));
	}

	/** Resolves to undefined when the package is not there. Throws `CorruptPointer`. */
	async head(name: PackageName, signal?: Signal): Promise<Head | undefined> {
		const read = await this.#readPointer(layout.latest(name), signal);
		if (read === undefined) return undefined;
		return {
			topHash: checkedPointer(read.text, name, "latest"),
			etag: read.info.etag,
			modifiedAt: read.info.modifiedAt,
		};
	}

	/** What a pointer (`latest` or a timestamp) names. Throws `PackageNotFound`, `RevisionNotFound`, `CorruptPointer`. */
	async follow(name: PackageName, pointer: string, signal?: Signal): Promise<TopHash> {
		if (pointer !== "latest" && !/^\d{1,15}$/.test(pointer)) {
			throw new BaleError(
				"RevisionNotFound",
				`Cannot find "${name}:${pointer}": a pointer is "latest" or a number of seconds`,
				{
					details: { name, pointer, registry: this.location },
				},
			);
		}
		const key = pointer === "latest" ? layout.latest(name) : layout.timestamp(name, Number(pointer));
		const text = await this.#pointerText(key, signal);
		if (text !== undefined) return checkedPointer(text, name, pointer);
		if (pointer === "latest") throw packageNotFound(name, this.location);
		throw new BaleError(
			"RevisionNotFound",
			`Cannot find "${name}:${pointer}" in ${this.location}: there is no such pointer`,
			{
				hint: `Run "bale log ${name}" to see its revisions`,
				details: { name, pointer, registry: this.location },
			},
		);
	}

	/**
	 * The top hash that begins with `prefix` (6 to 64 hex digits), among all manifests of the registry.
	 * Throws `InvalidHash`, `RevisionNotFound`, `AmbiguousHash` (with the candidates).
	 */
	async resolve(prefix: string, signal?: Signal): Promise<TopHash> {
		if (prefix.length === 64) return parseTopHash(prefix);
		if (!/^[0-9a-f]{6,63}$/.test(prefix)) {
			throw new BaleError(
				"InvalidHash",
				`Cannot use "${prefix}" as a top hash: it needs 6 to 64 hexadecimal digits in lower case`,
				{
					details: { hash: prefix },
				},
			);
		}
		const matches: string[] = [];
		for await (const item of this.store.list(layout.packagesPrefix + prefix, { signal })) {
			if ("prefix" in item) continue;
			const name = item.key.slice(layout.packagesPrefix.length);
			if (/^[0-9a-f]{64}$/.test(name)) matches.push(name);
		}
		if (matches.length === 0) throw revisionNotFound(prefix, this.location);
		if (matches.length > 1) {
			throw new BaleError(
				"AmbiguousHash",
				`"${prefix}" fits ${matches.length} revisions in ${this.location}`,
				{
					hint: "Give more digits of the hash",
					details: { prefix, candidates: matches.slice(0, 20), registry: this.location },
				},
			);
		}
		return parseTopHash(matches[0] as string);
	}

	/**
	 * Reads a manifest and checks that its content gives its name (`TopHashMismatch` otherwise, unless
	 * `allowUnverified`). Throws `RevisionNotFound`, `InvalidManifest`.
	 */
	async read(
		topHash: TopHash,
		options: { readonly allowUnverified?: boolean | undefined; readonly signal?: Signal } = {},
	): Promise<Manifest> {
		const opened = await this.#open(topHash, options.signal);
		if (opened?.topHash === topHash || (opened !== undefined && options.allowUnverified === true))
			return opened;
		return this.#repeatedly(() => this.#readChecked(topHash, options));
	}

	#repeatedly<T>(read: () => Promise<T>): Promise<T> {
		const isLocal = this.store.openBytes !== undefined;
		return repeatedly(read, (error) => !isLocal && isBaleError(error, ...damageCodes));
	}

	async #readChecked(
		topHash: TopHash,
		{ allowUnverified, signal }: { readonly allowUnverified?: boolean | undefined; readonly signal?: Signal },
	): Promise<Manifest> {
		const object = await this.store.get(layout.manifest(topHash), { checked: true, signal });
		if (object === undefined) throw revisionNotFound(topHash, this.location);
		const manifest = await this.#parse(object).catch((error: unknown) => {
			throw this.#located(error, topHash);
		});
		if (allowUnverified === true) return manifest;
		const found =
			manifest.topHash ?? computeTopHash(manifest.header, manifest.tree, this.options.createSha256);
		if (found !== topHash) {
			throw new BaleError(
				"TopHashMismatch",
				`Cannot trust the manifest ${topHash} in ${this.location}: its content gives ${found}`,
				{
					hint: "It was damaged or changed; use --allow-unverified to read it all the same",
					details: { expected: topHash, found, registry: this.location },
				},
			);
		}
		return manifest;
	}

	/**
	 * Has the next `read` of each of two manifests cost as little as it can, where they are to be compared: they are read in one
	 * pass, if both are files here of which nothing is remembered. What is wrong with one of them `read` finds and tells.
	 */
	async readAhead(first: TopHash, second: TopHash, signal?: Signal): Promise<void> {
		const [left, right] = [this.#local(first), first === second ? undefined : this.#local(second)];
		if (left === undefined || right === undefined) return;
		if (this.#remembered(first, left) !== undefined || this.#remembered(second, right) !== undefined) return;
		const pass = new ManifestPairPass(left.bytes, right.bytes, this.options.createSha256);
		await completed(pass, signal);
		const [one, other] = pass.finish() ?? [];
		if (one?.topHash !== first || other?.topHash !== second) return;
		this.#remember(left, one);
		this.#remember(right, other);
		this.#ahead.set(first, one).set(second, other);
	}

	/**
	 * Opens a manifest that is a file here, and leaves its entries there; undefined when it is none, or its lines are
	 * not in order. What a pass over it has shown is remembered, so that the next time only what is asked for is read.
	 */
	async #open(topHash: TopHash, signal: Signal): Promise<ParsedManifest | undefined> {
		const ahead = this.#ahead.get(topHash);
		this.#ahead.delete(topHash);
		if (ahead !== undefined) return ahead;
		const local = this.#local(topHash);
		if (local === undefined) return undefined;
		const remembered = this.#remembered(topHash, local);
		if (remembered !== undefined) return remembered;
		const pass = new ManifestPass(local.bytes, this.options.createSha256);
		await completed(pass, signal);
		const manifest = pass.finish();
		if (manifest?.topHash === topHash) this.#remember(local, manifest);
		return manifest;
	}

	#local(topHash: TopHash): LocalBytes | undefined {
		return this.store.openBytes?.(layout.manifest(topHash));
	}

	/** The manifest by what an earlier pass over these bytes has shown. */
	#remembered(topHash: TopHash, { bytes, state }: LocalBytes): ParsedManifest | undefined {
		const note = state === undefined ? undefined : this.options.notes?.recall(state);
		const known = note === undefined ? undefined : parseFacts(note);
		return known?.topHash === topHash ? openManifest(bytes, known.facts, topHash) : undefined;
	}

	#remember({ state }: LocalBytes, { facts, topHash }: PassedManifest): void {
		if (state === undefined || topHash === undefined) return;
		const text = formatFacts(facts, topHash);
		if (text !== undefined) this.options.notes?.remember(state, text);
	}

	async #parse({ info, body }: ObjectBody): Promise<ParsedManifest> {
		const parser = new ManifestParser({ sizeBytes: info.size, createSha256: this.options.createSha256 });
		const reader = body.getReader();
		try {
			for (;;) {
				const { done, value } = await reader.read();
				if (done) return parser.end();
				parser.push(value);
			}
		} finally {
			await reader.cancel().catch(() => undefined);
		}
	}

	/** What is wrong with a manifest, with the manifest's name. */
	#located(error: unknown, topHash: TopHash): unknown {
		if (!isBaleError(error, ...manifestCodes)) return error;
		const message = error.message.replace(/^Cannot read the manifest/, `$& ${topHash} in ${this.location}`);
		return new BaleError(error.code, message, {
			hint: error.hint ?? `Run "bale doctor" with that registry to see what can be mended`,
			details: { ...error.details, topHash, registry: this.location },
			cause: error,
		});
	}

	/** Whether a manifest with that hash is there. */
	async has(topHash: TopHash, signal?: Signal): Promise<boolean> {
		return (await this.store.head(layout.manifest(topHash), { signal })) !== undefined;
	}

	/** The shortest unique prefix of at least 7 digits, as people write a top hash. */
	async shorten(topHash: TopHash, signal?: Signal): Promise<string> {
		let length = 7;
		for await (const item of this.store.list(layout.packagesPrefix + topHash.slice(0, 7), { signal })) {
			if ("prefix" in item) continue;
			const other = item.key.slice(layout.packagesPrefix.length);
			if (other === topHash) continue;
			let common = 0;
			while (common < 63 && other[common] === topHash[common]) common += 1;
			length = Math.max(length, common + 1);
		}
		return topHash.slice(0, length);
	}

	async #pointerText(key: string, signal: Signal): Promise<string | undefined> {
		throwIfAborted(signal);
		const bytes = this.store.readSmall?.(key, POINTER_LIMIT_BYTES);
		const text = bytes === undefined ? "" : decodeUtf8Lenient(bytes).trim();
		return text === "" ? (await this.#readPointer(key, signal))?.text : text;
	}

	async #readPointer(key: string, signal: Signal): Promise<{ text: string; info: ObjectInfo } | undefined> {
		for (let attempt = 1; ; attempt++) {
			const read = await this.#repeatedly(async () => {
				const object = await this.store.get(key, { checked: true, signal });
				return (
					object && { text: (await readText(object.body, POINTER_LIMIT_BYTES)).trim(), info: object.info }
				);
			});
			if (read === undefined || read.text !== "" || attempt === EMPTY_POINTER_READS) return read;
			await new Promise((resolve) => setTimeout(resolve, EMPTY_POINTER_WAIT_MS));
		}
	}
}

/** Makes all steps of a pass; others have their turn in between. */
async function completed(pass: { step(): boolean }, signal: Signal): Promise<void> {
	for (let steps = 1; pass.step(); steps++) {
		if (steps % 64 === 0) await new Promise((resolve) => setTimeout(resolve));
		throwIfAborted(signal);
	}
}

/** The error for a package that is in no pointer folder. */
export function packageNotFound(name: string, registry: string): BaleError {
	return new BaleError("PackageNotFound", `There is no package "${name}" in ${registry}`, {
		hint: `Run "bale list" with that registry to see its packages`,
		details: { name, registry },
	});
}

/** The error for a manifest that is not there. */
export function revisionNotFound(hash: string, registry: string): BaleError {
	return new BaleError("RevisionNotFound", `There is no revision ${hash} in ${registry}`, {
		details: { hash, registry },
	});
}

function checkedPointer(text: string, name: string, pointer: string): TopHash {
	if (isTopHash(text)) return text;
	throw new BaleError("CorruptPointer", `The pointer "${pointer}" of "${name}" does not hold a top hash`, {
		hint: `Run "bale doctor", or publish "${name}" again to write it anew`,
		details: { name, pointer, found: text.slice(0, 80) },
	});
}

/** Timestamps by number, `latest` after all of them. */
function pointerOrder(pointer: string): number {
	return pointer === "latest" ? Number.POSITIVE_INFINITY : Number(pointer);
}

async function readText(stream: ReadableStream<Uint8Array>, limitBytes: number): Promise<string> {
	const decoder = new TextDecoder();
	const reader = stream.getReader();
	let text = "";
	let size = 0;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return text + decoder.decode();
			size += value.length;
			if (size > limitBytes) return text;
			text += decoder.decode(value, { stream: true });
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}
