/**
 * Which keys can be files below one directory: the rules that need no look at the directory, each a
 * function of its arguments, so that the rules of every system are tested on any.
 */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import { unportableReason } from "../core/portable-key.ts";
import { utf8Length } from "../core/utf8.ts";
import { temporaryNameBytes } from "./temporary-file.ts";

export type DestinationSystem = "linux" | "macos" | "windows";

/** What the file system of a destination takes for the same name. */
export type Folding = { readonly case: boolean; readonly normalization: boolean };

/** Longest absolute path in bytes, without the NUL at its end; Windows counts UTF-16 units, long paths allowed. */
const longestPathBytes: Readonly<Record<DestinationSystem, number>> = {
	linux: 4095,
	macos: 1023,
	windows: 32_766,
};

/** The system that runs this. */
export function currentSystem(platform: NodeJS.Platform = process.platform): DestinationSystem {
	return platform === "win32" ? "windows" : platform === "darwin" ? "macos" : "linux";
}

export type KeyRules = {
	/** Absolute path of the destination. */
	readonly directory: string;
	readonly system: DestinationSystem;
	/** Whether the destination is, or lies in, a registry. */
	readonly inRegistry: boolean;
};

/**
 * Checks one key by itself: `InvalidKey` (no logical key), `UnportableKey` (not a file name here, or too
 * long together with the directory), `ReservedKey`.
 */
export function checkDestinationKey(key: string, { directory, system, inRegistry }: KeyRules): void {
	parseLogicalKey(key);
	const reason = unportableReason(key, system === "windows" ? "windows" : "posix");
	if (reason !== undefined) throw unportable(key, reason);
	const nameStart = key.lastIndexOf("/") + 1;
	// The temporary file beside the final one may have the longer name.
	const nameBytes = Math.max(utf8Length(key.slice(nameStart)), temporaryNameBytes);
	const pathBytes = utf8Length(directory) + 1 + utf8Length(key.slice(0, nameStart)) + nameBytes;
	const limit = longestPathBytes[system];
	if (pathBytes > limit) throw unportable(key, `its path would be longer than ${limit} bytes`);
	if (inRegistry && isReservedName(key.split("/", 1)[0] ?? "", system)) {
		throw new BaleError(
			"ReservedKey",
			`Cannot write "${display(key)}" into "${directory}": the registry keeps its own files there`,
			{ hint: "Install into a directory outside of the registry", details: { key, directory } },
		);
	}
}

function unportable(key: string, reason: string): BaleError {
	return new BaleError("UnportableKey", `Cannot make a file for the key "${display(key)}": ${reason}`, {
		details: { key },
	});
}

/** Characters that HFS+ takes no notice of in names. */
const ignoredByMac = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Whether a first segment would end up in `.quilt` or `.bale`, by whatever way a file system takes other
 * names for these. (Refused on every system: nothing else needs such names in a registry.)
 */
function isReservedName(segment: string, system: DestinationSystem): boolean {
	const folded = foldName(segment.replace(ignoredByMac, ""), { case: true, normalization: true });
	if (folded === ".quilt" || folded === ".bale") return true;
	// Short names that Windows makes up.
	return system === "windows" && /^(?:quilt|bale)~\d+$/.test(folded);
}

/** The text that two names have in common when the file system takes them for one. */
export function foldName(name: string, folding: Folding): string {
	let folded = folding.normalization ? name.normalize("NFC") : name;
	// Upper case first joins what only lower case keeps apart (long s, final sigma, dotless i).
	if (folding.case) folded = folded.toUpperCase().toLowerCase();
	return folding.normalization ? folded.normalize("NFC") : folded;
}

/** Two keys that need the same name, or a file and a directory of the same name. */
export type Collision = { readonly first: string; readonly second: string };

/**
 * The first two keys that cannot both be files, when names are compared after folding: the same file, or
 * one a file and the other a directory. A key that comes twice is no collision.
 */
export function findCollision(keys: Iterable<string>, folding: Folding): Collision | undefined {
	const files = new Map<string, string>();
	for (const key of keys) {
		const folded = foldName(key, folding);
		const other = files.get(folded);
		if (other !== undefined && other !== key) return { first: other, second: key };
		files.set(folded, key);
	}
	const clear = new Set<string>();
	for (const [folded, key] of files) {
		for (let cut = folded.lastIndexOf("/"); cut !== -1; cut = folded.lastIndexOf("/", cut - 1)) {
			const directory = folded.slice(0, cut);
			if (clear.has(directory)) break;
			const file = files.get(directory);
			if (file !== undefined) return { first: file, second: key };
			clear.add(directory);
		}
	}
	return undefined;
}

/** The error for two keys that cannot both be files. */
export function collisionError({ first, second }: Collision): BaleError {
	return new BaleError(
		"KeyCollision",
		`Cannot make files for both "${display(first)}" and "${display(second)}": they need the same name here`,
		{
			hint: "Install one of them elsewhere, or on a file system that tells the names apart",
			details: { keys: [first, second] },
		},
	);
}
