/** Turning what a caller gives (`set`, `setDir`, `copy`) into physical keys with sizes. */
import { BaleError } from "../core/errors.ts";
import { formatPhysicalKey, hasScheme, parsePhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import { nativePath } from "./registries.ts";
import { platform } from "./runtime.ts";

/**
 * A place as users type it: a URL as it is, else a local path (`~` expanded, made absolute, symlinks resolved, a
 * trailing slash kept). Throws `InvalidUrl`, `UnsupportedScheme`.
 */
export function parseLocation(text: string): PhysicalKey {
	if (text === "") throw new BaleError("InvalidUrl", "A path or URL cannot be an empty text");
	const { files } = platform();
	if (hasScheme(text)) {
		const key = parsePhysicalKey(text);
		if (key.kind === "file" && files !== undefined)
			return { kind: "file", path: files.resolve(nativePath(key.path)) };
		return key;
	}
	if (files === undefined) throw new BaleError("Unsupported", `A page cannot read the local path "${text}"`);
	return { kind: "file", path: files.resolve(text) };
}

/** A directory of this machine as users type it, without a slash at its end; `Unsupported` for places elsewhere. */
export function localDirectory(text: string, purpose: string): string {
	const location = parseLocation(text);
	if (location.kind === "file") return location.path.replace(/(?<=.)\/+$/, "");
	throw new BaleError("Unsupported", `Cannot ${purpose} ${text}: it is no local directory`, {
		hint: "Name a directory of this machine",
		details: { path: text },
	});
}

/** A file or object to be put at `key`, with its size now. Throws `NotAFile`, `ObjectNotFound`. */
export async function describeSource(
	key: string,
	location: PhysicalKey,
	options: { readonly unversioned?: boolean | undefined },
): Promise<{ physicalKey: PhysicalKey; size: number }> {
	const path = location.kind === "file" ? location.path : location.key;
	if (path.endsWith("/") || (location.kind === "s3" && path === "")) {
		throw new BaleError(
			"NotAFile",
			`Cannot set "${key}" from ${formatPhysicalKey(location)}: it names a directory`,
			{
				hint: "Use setDir for directories",
				details: { key, source: formatPhysicalKey(location) },
			},
		);
	}
	if (location.kind === "file") {
		const stat = await platform().files?.stat(location.path);
		if (stat === undefined) {
			throw new BaleError("ObjectNotFound", `Cannot set "${key}": there is no file ${location.path}`, {
				details: { key, path: location.path },
			});
		}
		if (stat.kind !== "file") {
			throw new BaleError("NotAFile", `Cannot set "${key}": ${location.path} is not a regular file`, {
				hint: stat.kind === "directory" ? "Use setDir for directories" : "Copy its content to a file first",
				details: { key, path: location.path },
			});
		}
		return { physicalKey: location, size: stat.size };
	}
	const store = await platform().openStore(`s3://${location.bucket}`);
	const info = await store.head(
		location.key,
		location.versionId === undefined ? {} : { versionId: location.versionId },
	);
	if (info === undefined) {
		throw new BaleError(
			"ObjectNotFound",
			`Cannot set "${key}": there is nothing at ${formatPhysicalKey(location)}`,
			{
				hint:
					location.versionId === undefined
						? "Check the bucket and the key"
						: "Leave out versionId to take the latest version",
				details: { key, source: formatPhysicalKey(location) },
			},
		);
	}
	const versionId = location.versionId ?? (options.unversioned === true ? undefined : info.versionId);
	return {
		physicalKey: versionId === undefined ? location : { ...location, versionId },
		size: info.size,
	};
}
