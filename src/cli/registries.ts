/** The registries that commands use when none is named. */
import { platform } from "../client/runtime.ts";
import { BaleError } from "../core/errors.ts";
import "./client.ts";

/** `default_remote_registry` of the configuration; `InvalidConfig` when there is none. */
export async function remoteRegistry(): Promise<string> {
	const registry = await platform().settings?.remoteRegistry();
	if (registry !== undefined) return registry;
	throw new BaleError("InvalidConfig", "No registry was given and no default_remote_registry is configured", {
		hint: "Add --registry, or set it once: bale config set default_remote_registry REGISTRY",
	});
}
