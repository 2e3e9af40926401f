/** Which package, in which registry, a command is about. */
import { BaleError } from "../core/errors.ts";
import { parsePackageReference } from "../core/package-uri.ts";
import type { Revision } from "../client/browse.ts";
import type { Registry } from "../registry/registry.ts";
import type { Package } from "./client.ts";
import type { Invocation } from "./command.ts";
import { usageError } from "./options.ts";

/** A package as the command line names it. At most one of `topHash` and `pointer` is there. */
export type Target = {
	readonly name: string;
	/** Undefined: the default of the verb. */
	readonly registry: string | undefined;
	/** 64 hex digits or a prefix. */
	readonly topHash: string | undefined;
	readonly pointer: string | undefined;
	/** A logical key, from an address. */
	readonly path: string | undefined;
};

/**
 * Joins a reference (`NAME`, `NAME@HASH`, `NAME:POINTER`, an address) with `--registry` and `--top-hash`.
 * Saying the same thing twice differently is `InvalidArgument`.
 */
export function readTarget(word: string, options: Pick<Target, "registry" | "topHash">): Target {
	const reference = parsePackageReference(word);
	if (
		reference.registry !== undefined &&
		options.registry !== undefined &&
		reference.registry !== options.registry
	) {
		throw new BaleError(
			"InvalidArgument",
			`"${word}" names the registry ${reference.registry}, --registry another one`,
			{ hint: "Give one of the two" },
		);
	}
	if (options.topHash !== undefined && (reference.topHash ?? reference.pointer) !== undefined) {
		throw new BaleError("InvalidArgument", `"${word}" names a revision, and so does --top-hash`, {
			hint: "Give one of the two",
		});
	}
	return {
		name: reference.name,
		registry: reference.registry ?? options.registry,
		topHash: reference.topHash ?? options.topHash,
		pointer: reference.pointer,
		path: reference.path,
	};
}

/** The target of a command whose first word is a package. */
export function targetOf(invocation: Invocation, word = invocation.words[0] ?? ""): Target {
	const known = invocation.spec.options.map((option) => option.name);
	return readTarget(word, {
		registry: known.includes("registry") ? invocation.options.text("registry") : undefined,
		topHash: known.includes("top-hash") ? invocation.options.text("top-hash") : undefined,
	});
}

/** A target that may only be a name: commands that publish. */
export function nameOf(invocation: Invocation): Target {
	const target = targetOf(invocation);
	const revision = target.topHash ?? target.pointer;
	if (revision === undefined) return target;
	throw new BaleError(
		"InvalidArgument",
		`"bale ${invocation.spec.name}" makes a revision and cannot take one ("${revision}")`,
		{ hint: `Give the name only: ${target.name}` },
	);
}

/** A logical key given as a word or in an address; without slashes at its ends. "" is everything. */
export function keyOf(target: Target, word: string | undefined): string {
	return (word ?? target.path ?? "").replace(/^\/+|\/+$/g, "");
}

/** Reads the manifest of `target`. */
export async function browse(invocation: Invocation, target: Target): Promise<Package> {
	const { Package } = await import("./client.ts");
	const { name, ...options } = revisionOf(invocation, target);
	return await Package.browse(name, { ...options, onProgress: invocation.output.onProgress });
}

/** Reads the manifests of two targets that are to be compared. */
export async function browseBoth(
	invocation: Invocation,
	from: Target,
	to: Target,
): Promise<[Package, Package]> {
	const { packagesToCompare } = await import("./client.ts");
	return await packagesToCompare(revisionOf(invocation, from), revisionOf(invocation, to));
}

function revisionOf({ spec, options, signal }: Invocation, target: Target): Revision {
	const known = spec.options.some((option) => option.name === "allow-unverified");
	return {
		name: target.name,
		registry: target.registry,
		topHash: target.topHash,
		pointer: target.pointer,
		allowUnverified: known && options.flag("allow-unverified"),
		signal,
	};
}

/** Options of everything that takes long. */
export function runOptions(invocation: Invocation): {
	signal: AbortSignal;
	onProgress: Invocation["output"]["onProgress"];
	concurrency?: number;
	cache?: false;
} {
	const has = (name: string): boolean => invocation.spec.options.some((option) => option.name === name);
	const concurrency = has("concurrency")
		? (invocation.options.integer("concurrency") ?? concurrencyOf(invocation.env))
		: undefined;
	return {
		signal: invocation.signal,
		onProgress: invocation.output.onProgress,
		...(concurrency === undefined ? {} : { concurrency }),
		...(has("no-cache") && invocation.options.flag("no-cache") ? { cache: false } : {}),
	};
}

/** `BALE_TRANSFER_MAX_CONCURRENCY`, else quilt3's variable; `InvalidConfig` unless a positive whole number. */
function concurrencyOf(env: Invocation["env"]): number | undefined {
	for (const name of ["BALE_TRANSFER_MAX_CONCURRENCY", "QUILT_TRANSFER_MAX_CONCURRENCY"]) {
		const text = env[name];
		if (text === undefined || text === "") continue;
		if (/^[0-9]+$/.test(text) && Number(text) > 0) return Number(text);
		throw new BaleError(
			"InvalidConfig",
			`The environment variable ${name} is "${text}", no positive whole number`,
			{
				hint: `Unset it, or set it to a number such as 10`,
				details: { key: name },
			},
		);
	}
	return undefined;
}

/** `value` under `name`, or nothing when it is undefined: for options that must not be undefined. */
export function given<N extends string, T>(name: N, value: T | undefined): { [K in N]?: T } {
	return (value === undefined ? {} : { [name]: value }) as { [K in N]?: T };
}

/** A word as a shell of POSIX takes it back. */
export function quote(word: string): string {
	return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The registry of a command that takes it as its only word, or as an option; undefined when neither is given. */
export function givenRegistry({ spec, words: [word], options }: Invocation): string | undefined {
	const flag = options.text("registry");
	if (word !== undefined && flag !== undefined && word !== flag) {
		throw usageError(spec, `The registry is given twice: "${word}" and "${flag}"`);
	}
	return word ?? flag;
}

/** Opens a registry (default: the local one). */
export async function openRegistryOf(target: Pick<Target, "registry">): Promise<Registry> {
	const [{ openRegistry }] = await Promise.all([import("../client/registries.ts"), import("./platform.ts")]);
	return openRegistry(target.registry, "local");
}

/** URL of the registry that a command uses; without one in the target, the local one. */
export async function registryOf(target: Pick<Target, "registry">): Promise<string> {
	return (await openRegistryOf(target)).location;
}
