/** What the arguments of a push say about its registry and `dest`. */
import { BaleError } from "../core/errors.ts";
import { formatPhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Dest } from "./push.ts";
import type { RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";

/** Where a push goes; what was not said is absent. */
export type PushTarget<R = RegistryInput> = { readonly registry?: R | string; readonly dest?: Dest };

/**
 * The second argument of `push`: a registry, or a place in a bucket that is both registry and `dest`. Throws
 * `InvalidArgument` for two registries, and for two places.
 */
export function pushTarget<R extends RegistryInput>(
	target: R | undefined,
	options: { readonly registry?: R | undefined; readonly dest?: Dest | undefined },
): PushTarget<R> {
	if (target !== undefined && options.registry !== undefined && target !== options.registry) {
		throw new BaleError("InvalidArgument", "Cannot push to two registries at once");
	}
	const registry = target ?? options.registry;
	const { dest } = options;
	const text = typeof registry === "string" || registry instanceof URL ? String(registry) : "";
	const bucket = /^(s3:\/\/[^/?#]+)\/+[^/]/i.exec(text)?.[1];
	if (bucket === undefined) {
		return { ...(registry === undefined ? {} : { registry }), ...(dest === undefined ? {} : { dest }) };
	}
	if (dest === undefined) return { registry: bucket, dest: text };
	throw new BaleError("InvalidArgument", `Cannot push to ${text}: it has a path, and dest is given too`, {
		hint: `Name the bucket alone: ${bucket}`,
		details: { registry: text, ...(typeof dest === "string" ? { dest } : {}) },
	});
}

/**
 * The bucket that `dest` lies in, when no default registry says otherwise. A function is asked for the place of the
 * first file of `tree`.
 */
export async function registryOfDest(
	dest: Dest | undefined,
	tree?: Pick<Tree, "walk">,
): Promise<string | undefined> {
	if (dest === undefined || (await platform().settings?.remoteRegistry()) !== undefined) return undefined;
	const place = typeof dest === "function" ? placeOfFirst(dest, tree) : dest;
	return typeof place === "string" ? /^s3:\/\/[^/?#]+/i.exec(place)?.[0] : undefined;
}

function placeOfFirst(dest: Exclude<Dest, string>, tree: Pick<Tree, "walk"> | undefined): unknown {
	for (const [key, { physicalKey, size }] of tree?.walk() ?? []) {
		return dest(key, { physicalKey: formatPhysicalKey(physicalKey), size });
	}
	return undefined;
}
