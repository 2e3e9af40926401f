/**
 * What was installed where: one file per destination in the user's data directory, never in the destination.
 * It lets a second install read nothing and tells the user's edits from our own files. JSON lines: a header
 * `{dest, name, topHash, registry, installedAt}`, then one line per file.
 */
import { formatHex } from "../core/hex.ts";
import { digestOnce, type Hash } from "../core/hash.ts";
import type { FileStat } from "./platform.ts";
import { platform } from "./runtime.ts";

/** The state of a file right after it was installed or found equal. */
export type InstalledFile = {
	readonly hash: Hash;
	/** In bytes. */
	readonly size: number;
	/** Nanoseconds, in decimal. */
	readonly mtimeNs: string;
	readonly ctimeNs: string;
	readonly inode: string;
};

export type Install = {
	readonly dest: string;
	readonly name: string;
	readonly topHash: string;
	readonly registry: string;
	/** ISO 8601. */
	readonly installedAt: string;
	/** By key below the destination. */
	readonly files: ReadonlyMap<string, InstalledFile>;
};

/** A file as the record keeps it. */
export function installedFile(hash: Hash, stat: FileStat): InstalledFile {
	return {
		hash: { type: hash.type, value: hash.value },
		size: stat.size,
		mtimeNs: String(stat.mtimeNs),
		ctimeNs: String(stat.ctimeNs),
		inode: String(stat.inode),
	};
}

/** Whether a file is, by its state, still what was installed. */
export function isUntouched(file: InstalledFile, stat: FileStat): boolean {
	return (
		file.size === stat.size &&
		file.mtimeNs === String(stat.mtimeNs) &&
		file.ctimeNs === String(stat.ctimeNs) &&
		file.inode === String(stat.inode)
	);
}

/** The record of a destination; undefined when there is none, or none that can be read (it is only a memory). */
export async function readInstall(dest: string): Promise<Install | undefined> {
	const path = await recordPath(dest);
	const text = path === undefined ? undefined : await platform().files?.readText(path);
	if (text === undefined) return undefined;
	try {
		const [header, ...lines] = text.split("\n");
		const { files: _files, ...install } = JSON.parse(header ?? "") as Install;
		if (install.dest !== dest) return undefined;
		const files = new Map<string, InstalledFile>();
		for (const line of lines) {
			if (line === "") continue;
			const { key, ...file } = JSON.parse(line) as InstalledFile & { key: string };
			files.set(key, file);
		}
		return { ...install, files };
	} catch {
		return undefined;
	}
}

/** Replaces the record of `install.dest`. */
export async function writeInstall(install: Install): Promise<void> {
	const path = await recordPath(install.dest);
	const files = platform().files;
	if (path === undefined || files === undefined) return;
	const { dest, name, topHash, registry, installedAt } = install;
	const lines = [JSON.stringify({ dest, name, topHash, registry, installedAt })];
	for (const [key, file] of install.files) lines.push(JSON.stringify({ key, ...file }));
	await files.write(path, new TextEncoder().encode(lines.join("\n") + "\n"), { mode: 0o600 });
}

async function recordPath(dest: string): Promise<string | undefined> {
	const directory = await platform().settings?.dataDirectory();
	return directory === undefined ? undefined : `${directory}/installs/${digestOf(dest)}.jsonl`;
}

/** A file name for a text of any length. */
export function digestOf(text: string): string {
	return formatHex(digestOnce(new TextEncoder().encode(text), platform().createSha256)).slice(0, 32);
}
