/**
 * A machine of its own for one test: a directory with a home for settings, a clock that the test sets, and local files
 * that count what they move. The library then works on it as on any other machine.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { LocalFiles, Platform } from "../../../src/client/platform.ts";
import { setPlatform } from "../../../src/client/runtime.ts";
// Sets the platform of this process; what a test changes is put back to it.
import "../../../src/index.ts";
import { nodePlatform } from "../../../src/node/platform.ts";
import { settingsFromConfig } from "../../../src/node/settings.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { writeFiles, type Files } from "./files.ts";

export type Machine = {
	/** Everything of the test lies below; a real path. */
	readonly root: string;
	/** quilt3's data directory: the default local registry is `packages` in it. */
	readonly data: string;
	/** bale's own data directory. */
	readonly baleData: string;
	/** The default local registry. */
	readonly localRegistry: string;
	/** Milliseconds since the epoch; the test may set it. */
	clock: { now: number };
	/** Jobs that were given to the machine's files since the last `reset`. */
	readonly moved: { hashed: number; copied: number; reset(): void };
	/** An absolute path below `root`. */
	path(...parts: string[]): string;
	/** Writes files below `root/<directory>` and returns that path. */
	folder(directory: string, files: Files): string;
};

type MachineOptions = {
	/** Replaces parts of the platform. */
	readonly change?: (platform: Platform) => Partial<Platform>;
	/** Replaces methods of its files. */
	readonly files?: (files: LocalFiles) => Partial<LocalFiles>;
};

/** A second in the clock of every machine: 2023-11-14T22:13:20Z. */
const startOfTime = 1_700_000_000;

export function newMachine(options: MachineOptions = {}): Machine {
	const root = temporaryDirectory();
	const places = {
		data: join(root, "home/Quilt"),
		cache: join(root, "home/cache"),
		baleData: join(root, "home/bale"),
		baleCache: join(root, "home/bale-cache"),
	};
	const clock = { now: startOfTime * 1000 };
	const moved = {
		hashed: 0,
		copied: 0,
		reset() {
			moved.hashed = 0;
			moved.copied = 0;
		},
	};
	const node = { ...nodePlatform(), settings: settingsFromConfig({ places, env: {} }) };
	const counted = countJobs(node.files!, moved);
	const platform: Platform = {
		...node,
		now: () => clock.now,
		author: () => "ada@example",
		files: override(counted, options.files?.(counted) ?? {}),
	};
	setPlatform({ ...platform, ...options.change?.(platform) });
	onTestFinished(async () => {
		setPlatform(nodePlatform());
		await node.files?.close();
	});
	return {
		root,
		data: places.data,
		baleData: places.baleData,
		localRegistry: join(places.data, "packages"),
		clock,
		moved,
		path: (...parts) => join(root, ...parts),
		folder(directory, files) {
			const path = join(root, directory);
			mkdirSync(path, { recursive: true });
			writeFiles(path, files);
			return path;
		},
	};
}

/** `files` with some methods replaced; all others keep their own `this`. */
function override(files: LocalFiles, methods: Partial<LocalFiles>): LocalFiles {
	return new Proxy(files, {
		get(target, name) {
			const replaced: unknown = Reflect.get(methods, name);
			if (replaced !== undefined) return replaced;
			const own: unknown = Reflect.get(target, name);
			return typeof own === "function" ? (own.bind(target) as unknown) : own;
		},
	});
}

/** Counts what is hashed and what is copied, also into destinations. */
function countJobs(files: LocalFiles, moved: { hashed: number; copied: number }): LocalFiles {
	return override(files, {
		hash(jobs, options) {
			return files.hash(jobs, {
				...options,
				onHashed: (index, hash, state, how) => {
					if (how === "hashed") moved.hashed++;
					options?.onHashed?.(index, hash, state, how);
				},
			});
		},
		hashFolder(directory, options) {
			return files.hashFolder(directory, {
				...options,
				onFile: (key, size, how) => {
					if (how === "hashed") moved.hashed++;
					options?.onFile?.(key, size, how);
				},
			});
		},
		copy(jobs, options) {
			moved.copied += jobs.length;
			return files.copy(jobs, options);
		},
		async destination(path) {
			const destination = await files.destination(path);
			return {
				path: destination.path,
				check: (keys) => destination.check(keys),
				pathOf: (key) => destination.pathOf(key),
				stat: (key) => destination.stat(key),
				remove: (key) => destination.remove(key),
				write(jobs, options) {
					moved.copied += jobs.length;
					return destination.write(jobs, options);
				},
			};
		},
	});
}
