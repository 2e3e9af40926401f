/** What the arguments of a push say about its registry and `dest`. */
import { BaleError } from "../core/errors.ts";
import type { Dest } from "./push.ts";
import type { RegistryInput } from "./registries.ts";

/** The second argument of `push`: a registry, or a place in a bucket that is both registry and `dest`. */
export function pushTarget(
	target: RegistryInput | undefined,
	options: { readonly registry?: RegistryInput | undefined; readonly dest?: Dest | undefined },
): { registry?: RegistryInput; dest?: Dest } {
	if (target !== undefined && options.registry !== undefined && target !== options.registry) {
		throw new BaleError("InvalidArgument", "Cannot push to two registries at once");
	}
	const registry = target ?? options.registry;
	const bucket = typeof registry === "string" ? /^(s3:\/\/[^/?#]+)\/+[^/]/i.exec(registry) : null;
	if (bucket !== null && options.dest === undefined) {
		return { registry: bucket[1] as string, dest: registry as string };
	}
	if (registry !== undefined) return { registry };
	const own = typeof options.dest === "string" ? /^s3:\/\/[^/?#]+/i.exec(options.dest) : null;
	return own === null ? {} : { dest: options.dest as string };
}
