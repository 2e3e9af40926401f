import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { posix, win32 } from "node:path";
import { errnoOf, fileError } from "./file-error.ts";

export type PathSystem = {
	readonly platform: NodeJS.Platform;
	readonly home: string;
	/** Absolute; what a relative path starts from. */
	readonly current: string;
	/** Real path of something that exists; undefined when it does not. */
	readonly realPath: (path: string) => string | undefined;
};

/**
 * A path as a user types it, as an absolute `/`-separated one: `~` and `~/` are the home directory,
 * symlinks of the longest part that exists are resolved, a trailing slash is kept (quilt3 8.0.0 behaviour).
 */
export function resolveInput(input: string, system: PathSystem = thisSystem()): string {
	const path = system.platform === "win32" ? win32 : posix;
	const isSlash = (text: string): boolean => text === "/" || (text === "\\" && path === win32);
	const rest = input.slice(1);
	const expanded =
		input.startsWith("~") && (rest === "" || isSlash(rest[0] ?? "")) ? system.home + rest : input;
	const absolute = path.resolve(system.current, expanded);
	let existing = absolute;
	let missing = "";
	let real = system.realPath(existing);
	while (real === undefined && path.dirname(existing) !== existing) {
		missing = `/${path.basename(existing)}${missing}`;
		existing = path.dirname(existing);
		real = system.realPath(existing);
	}
	const base = slashed(real ?? existing, system.platform);
	const joined = missing === "" ? base : base.replace(/\/$/, "") + missing;
	return isSlash(input.at(-1) ?? "") && !joined.endsWith("/") ? `${joined}/` : joined;
}

/** A path of this system with `/` between its segments. */
export function slashed(path: string, platform: NodeJS.Platform = process.platform): string {
	return platform === "win32" ? path.replaceAll("\\", "/") : path;
}

/** The real path of something on this machine, or undefined when there is nothing. */
export function realPathOf(path: string): string | undefined {
	try {
		return realpathSync.native(path);
	} catch (error) {
		if (["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(errnoOf(error) ?? "")) return undefined;
		throw fileError(error, "read", path);
	}
}

function thisSystem(): PathSystem {
	return { platform: process.platform, home: homedir(), current: process.cwd(), realPath: realPathOf };
}
