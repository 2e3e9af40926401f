import { homedir } from "node:os";
import { resolve } from "node:path";

/**
 * `file:` URL of a path as a user types it: `~` expanded, made absolute, everything but unreserved characters
 * percent-encoded. Source: Python 3, `pathlib.Path.as_uri`, which quilt3 8.0.0 uses.
 */
export function fileUrlOf(path: string): string {
	const expanded = /^~(?=[/\\]|$)/.test(path) ? homedir() + path.slice(1) : path;
	const absolute = resolve(expanded).replaceAll("\\", process.platform === "win32" ? "/" : "\\");
	const encoded = absolute
		.split("/")
		.map((part, index) => (index === 0 && /^[A-Za-z]:$/.test(part) ? part : encode(part)))
		.join("/");
	return encoded.startsWith("/") ? `file://${encoded}` : `file:///${encoded}`;
}

function encode(part: string): string {
	return encodeURIComponent(part).replace(
		/[!'()*]/g,
		(char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}
