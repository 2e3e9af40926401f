/**
 * Publishing over what others have published in the meantime, by joining both sides' changes since the revision that
 * the package comes from.
 */
import { BaleError, isBaleError } from "../core/errors.ts";
import { diffTrees } from "../core/diff.ts";
import { entryEquals, type Entry } from "../core/entry.ts";
import { formatPythonJson, type Json } from "../core/json.ts";
import type { Manifest } from "../core/manifest.ts";
import { mergeManifests, type MergeConflict } from "../core/merge.ts";
import type { PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import { Tree } from "../core/tree.ts";
import { Base } from "../registry/base.ts";
import { describeRevision, formatFacts } from "../registry/conflict.ts";
import type { Published } from "../registry/publish.ts";
import type { Head, Registry } from "../registry/registry.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { RunOptions } from "../transfer/events.ts";
import { hashMissing } from "./hashing.ts";
import type { Origin } from "./origin.ts";
import { readBase } from "./seen.ts";
import type { PackageState } from "./state.ts";

const ATTEMPTS = 10;
const TOTAL_MS = 60_000;
const LEAST_WAIT_MS = 50;
const MOST_WAIT_MS = 2_000;
const CONFLICTS_LISTED = 100;

/** What a rebase did: the revision that the package came from, and the one that it was put onto. */
export type Rebased = { readonly base: string; readonly onto: string };

/** The ancestor of a rebase. */
export type Ancestor = { readonly topHash: TopHash; readonly manifest: Manifest };

/**
 * The revision that a package comes from, read from the registry; undefined when none is known that is there: then
 * nothing can be joined.
 */
export async function findAncestor(
	state: PackageState,
	registry: Registry,
	name: PackageName,
	options: {
		readonly acceptSeen?: boolean | undefined;
		readonly folder?: string | undefined;
		readonly signal?: AbortSignal | undefined;
	},
): Promise<Ancestor | undefined> {
	const { acceptSeen, folder, signal } = options;
	const known = [...(state.known.at(registry.location, name) ?? [])].at(-1);
	const seen = acceptSeen === true ? await readBase(registry.location, name, folder) : undefined;
	for (const topHash of [known, seen, [...state.known.named(name)].at(-1)] as (TopHash | undefined)[]) {
		if (topHash === undefined) continue;
		try {
			return { topHash, manifest: await registry.read(topHash, { signal }) };
		} catch (error) {
			if (!isBaleError(error, "RevisionNotFound")) throw error;
		}
	}
	return undefined;
}

/** One package on its way onto whatever is the latest revision. */
export class Rebase {
	readonly #registry: Registry;
	readonly #name: PackageName;
	readonly #ancestor: Ancestor;
	readonly #signal: AbortSignal | undefined;

	constructor(registry: Registry, name: PackageName, ancestor: Ancestor, signal: AbortSignal | undefined) {
		this.#registry = registry;
		this.#name = name;
		this.#ancestor = ancestor;
		this.#signal = signal;
	}

	/** Top hash of the ancestor. */
	get base(): TopHash {
		return this.#ancestor.topHash;
	}

	/** What may be published over without joining anything. */
	get accept(): ReadonlySet<string> {
		return new Set([this.#ancestor.topHash]);
	}

	/**
	 * Throws `Conflict` before anything is copied if both sides have changed the same. Of our files only those are
	 * hashed that the others have changed; `tree` gets these hashes.
	 */
	async check(
		head: Head,
		header: Manifest["header"],
		tree: Tree,
		origin: Origin,
		options: RunOptions,
	): Promise<void> {
		const theirs = await this.#registry.read(head.topHash, { signal: this.#signal });
		const { added, modified, deleted } = diffTrees(this.#ancestor.manifest.tree, theirs.tree);
		const contested = new Tree();
		for (const key of [...added, ...modified, ...deleted]) {
			const own = tree.get(key);
			if (own !== undefined && "physicalKey" in own) contested.set(key, own);
		}
		await hashMissing(contested, origin, options);
		for (const [key, entry] of contested.walk()) tree.set(key, entry);
		await this.#merge(head, theirs, { header, tree });
	}

	/**
	 * Both sides' changes since the ancestor. `before` is our package as it was made, `moved` with its bytes in the
	 * registry: what is the same in the result is taken from there. Throws `Conflict`.
	 */
	async #onto(head: Head, before: Tree, moved: Manifest): Promise<Manifest> {
		const theirs = await this.#registry.read(head.topHash, { signal: this.#signal });
		// Moving gives entries another type of hash: whether we changed one is told by the hash that it had.
		const judged = new Tree();
		for (const [key, entry] of moved.tree.walk()) {
			const own = before.get(key);
			const asMade = own !== undefined && "physicalKey" in own && own.hash !== undefined ? own : entry;
			judged.set(key, asMade);
		}
		for (const [key, meta] of moved.tree.directories()) judged.setDirectoryMeta(key.slice(0, -1), meta);
		const merged = await this.#merge(head, theirs, { header: moved.header, tree: judged });
		for (const [key, entry] of moved.tree.walk()) {
			const [mine, result] = [judged.get(key), merged.tree.get(key)];
			if (isEntry(mine) && isEntry(result) && entryEquals(mine, result)) merged.tree.set(key, entry);
		}
		return merged;
	}

	/**
	 * Publishes by `publish`, again and again while others are faster: our package itself while the ancestor is the
	 * latest revision, else joined with what is, and made publishable by `finish`. `known` is what was the latest revision
	 * before. Gives up (`Conflict`) after ten times or a minute.
	 */
	async run(
		before: Tree,
		moved: Manifest,
		known: Base,
		finish: (joined: Manifest) => Promise<Manifest>,
		publish: (manifest: Manifest, accept: ReadonlySet<string>, base: Base) => Promise<Published>,
	): Promise<{ published: Published; manifest: Manifest; onto: TopHash | undefined }> {
		const started = this.#registry.options.now();
		for (let attempt = 1; ; attempt++) {
			const head = await this.#registry.head(this.#name, this.#signal);
			// What has been read of a revision that still is the latest need not be read again.
			const isKnown = head?.topHash === known.head?.topHash;
			const base = isKnown ? known : Base.of(this.#registry, this.#name, head);
			const stale = head !== undefined && head.topHash !== this.#ancestor.topHash ? head : undefined;
			const manifest = stale === undefined ? moved : await finish(await this.#onto(stale, before, moved));
			try {
				const accept = stale === undefined ? this.accept : new Set([stale.topHash]);
				return { published: await publish(manifest, accept, base), manifest, onto: stale?.topHash };
			} catch (error) {
				const late = this.#registry.options.now() - started >= TOTAL_MS;
				if (!isBaleError(error, "Conflict") || attempt === ATTEMPTS || late) throw error;
			}
			throwIfAborted(this.#signal);
			const most = Math.min(MOST_WAIT_MS, LEAST_WAIT_MS * 2 ** attempt);
			await new Promise((resolve) =>
				setTimeout(resolve, LEAST_WAIT_MS + Math.random() * (most - LEAST_WAIT_MS)),
			);
		}
	}

	async #merge(head: Head, theirs: Manifest, ours: Manifest): Promise<Manifest> {
		const { manifest, conflicts } = mergeManifests(this.#ancestor.manifest, ours, theirs);
		if (conflicts.length === 0) return manifest;
		const facts = await describeRevision(
			this.#registry,
			this.#name,
			head.topHash,
			this.#ancestor.topHash,
			this.#signal,
		);
		const named = conflicts
			.slice(0, 3)
			.map(({ key }) => (key === "" ? "the metadata of the package" : `"${key}"`));
		const rest = conflicts.length - named.length;
		throw new BaleError(
			"Conflict",
			`Cannot rebase "${this.#name}" in ${this.#registry.location} onto ${head.topHash.slice(0, 10)}${formatFacts(facts)}: both sides have changed ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
			{
				hint: `Compare with "bale diff ${this.#name}@${this.#ancestor.topHash.slice(0, 10)} :latest --registry ${this.#registry.location}", take over what you want to keep, and push with --force`,
				details: {
					name: this.#name,
					registry: this.#registry.location,
					found: head.topHash,
					expected: [this.#ancestor.topHash],
					...facts,
					conflictCount: conflicts.length,
					conflicts: conflicts.slice(0, CONFLICTS_LISTED).map(describeConflict),
				},
			},
		);
	}
}

/** A conflict as JSON values; null: it is not there on that side. */
function describeConflict(conflict: MergeConflict): Readonly<Record<string, unknown>> {
	const { kind, key } = conflict;
	const describe =
		kind === "entry"
			? [conflict.base, conflict.ours, conflict.theirs].map((entry) => describeSide(entry))
			: [conflict.base, conflict.ours, conflict.theirs].map((meta) => plainJson(meta));
	const [base, ours, theirs] = describe;
	return { kind, key, base, ours, theirs };
}

function describeSide(entry: Entry | undefined): unknown {
	if (entry === undefined) return null;
	const { size, hash, meta } = entry;
	return { size: size ?? null, hash: hash ?? null, meta: plainJson(meta) };
}

/** For reading only: numbers that JSON of JavaScript cannot hold lose digits, those that JSON cannot hold become text. */
function plainJson(value: Json | undefined): unknown {
	if (value === undefined) return null;
	const text = formatPythonJson(value);
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return text;
	}
}

function isEntry(node: ReturnType<Tree["get"]>): node is Entry {
	return node !== undefined && "physicalKey" in node;
}
