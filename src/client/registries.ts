/** Finding the registry that a caller means. */
import { BaleError } from "../core/errors.ts";
import { hasScheme, parsePhysicalKey, pathOnSystem } from "../core/physical-key.ts";
import { Registry } from "../registry/registry.ts";
import type { Store } from "../storage/store.ts";
import { platform } from "./runtime.ts";

/** The path of a file key as this machine knows it. */
export function nativePath(path: string): string {
	return pathOnSystem(path, platform().system === "windows" ? "windows" : "posix");
}

/** A bucket (`s3://bucket`), a directory (path or `file://` URL), an HTTP address to read from, or a store. */
export type RegistryInput = string | URL | Store;

/** Opens the registry that is meant; `fallback` decides when nothing was said. */
export async function openRegistry(
	input: RegistryInput | undefined,
	fallback: "local" | "remote" = "local",
): Promise<Registry> {
	const { openStore } = platform();
	const location = input ?? (await defaultRegistry(fallback));
	await refuseOtherLayout();
	const store =
		typeof location === "string" || location instanceof URL
			? await openStore(registryLocation(String(location)))
			: location;
	return registryIn(store);
}

/** The registry in a store. */
export function registryIn(store: Store): Registry {
	const { now, createSha256, manifestNotes } = platform();
	return new Registry(store, {
		now,
		createSha256,
		...(manifestNotes === undefined ? {} : { notes: manifestNotes }),
	});
}

/** quilt3 can be set to another layout, in which it would not see what is written here, nor the other way round. */
async function refuseOtherLayout(): Promise<void> {
	const version = (await platform().settings?.registryVersion()) ?? 1;
	if (version === 1) return;
	throw new BaleError(
		"Unsupported",
		`Cannot open registries: default_registry_version is ${version}, and bale has layout 1 only`,
		{
			hint: "Set it back: bale config set default_registry_version 1",
			details: { version },
		},
	);
}

/** A registry as users type it, as a location that a platform can open: a URL, or a path made absolute. */
function registryLocation(text: string): string {
	if (text === "") {
		throw new BaleError("InvalidUrl", "A registry cannot be an empty text", {
			hint: "Give a directory or s3://bucket",
		});
	}
	if (/^https?:/i.test(text)) return text;
	if (hasScheme(text)) {
		const key = parsePhysicalKey(text);
		if (key.kind === "s3") {
			const path = key.key.replace(/^\/+/, "");
			if (path === "" && key.versionId === undefined) return text;
			const reason = key.versionId === undefined ? "a bucket is one only as a whole" : "it names a version";
			throw new BaleError("InvalidUrl", `Cannot use ${text} as a registry: ${reason}`, {
				hint: `Name the bucket alone: s3://${key.bucket} (only a push may say where in it the files go)`,
				details: { registry: text },
			});
		}
		return platform().files?.resolve(nativePath(key.path)) ?? key.path;
	}
	const { files } = platform();
	if (files === undefined) {
		throw new BaleError("InvalidUrl", `Cannot use "${text}" as a registry in a page: it has no scheme`, {
			details: { registry: text },
		});
	}
	return files.resolve(text);
}

async function defaultRegistry(fallback: "local" | "remote"): Promise<string> {
	const settings = platform().settings;
	if (settings !== undefined) {
		if (fallback === "local") return settings.localRegistry();
		const remote = await settings.remoteRegistry();
		if (remote !== undefined) return remote;
	}
	throw new BaleError(
		"InvalidConfig",
		`No registry was given and no default ${fallback} registry is configured`,
		{
			hint:
				fallback === "remote"
					? "Name one, or set it once: bale config set default_remote_registry REGISTRY"
					: "Pass a registry",
		},
	);
}

/** Absolute path of a directory registry's root, or undefined for other stores. */
export function localRoot(store: Store): string | undefined {
	if (platform().files === undefined || store.root.kind !== "file" || !("localPath" in store))
		return undefined;
	return store.root.path.replace(/\/+$/, "") || "/";
}
