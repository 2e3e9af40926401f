import { utf8Length } from "./utf8.ts";

const segmentBytes = 255;
const keyBytes = 4096;
const windowsReserved = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

const windowsForbidden = /[\0-\x1f<>:"|?*\\]/;

/**
 * Why `key` cannot be a file path below a directory of `system`, or undefined when it can: limits of
 * 255 bytes a segment and 4,096 bytes in all, NUL, and on Windows its reserved names and characters.
 */
export function unportableReason(key: string, system: "posix" | "windows"): string | undefined {
	if (utf8Length(key) > keyBytes) return `it is longer than ${keyBytes} bytes`;
	for (const segment of key.split("/")) {
		if (segment === "" || segment === "." || segment === "..") return `it has a segment "${segment}"`;
		if (segment.includes("\0")) return "it has a NUL character";
		if (utf8Length(segment) > segmentBytes) return `it has a segment of more than ${segmentBytes} bytes`;
		if (system === "posix") continue;
		if (windowsForbidden.test(segment)) return "it has a character that Windows forbids in names";
		if (windowsReserved.test(segment)) return "it has a name that Windows reserves";
		if (/[. ]$/.test(segment)) return "it has a segment that ends in a dot or a blank";
	}
	return undefined;
}
