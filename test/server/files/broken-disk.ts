/** Disks that fail, and work that ends before one of its steps on the disk, as a kill of the process would. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Calls that change what names there are, or what is in small files. */
const steps = [
	"linkSync",
	"renameSync",
	"unlinkSync",
	"rmdirSync",
	"mkdirSync",
	"writeFileSync",
	"rmSync",
] as const;

/** Runs `work` while calls of these functions of `node:fs` fail with an error of the system. */
export async function failing(
	names: readonly (keyof typeof fs)[],
	code: string,
	work: () => Promise<unknown>,
): Promise<void> {
	const originals = Object.fromEntries(names.map((name) => [name, fs[name]]));
	const fail = (): never => {
		throw Object.assign(new Error(code), { code });
	};
	Object.assign(fs, Object.fromEntries(names.map((name) => [name, fail])));
	syncBuiltinESMExports();
	try {
		await work();
	} finally {
		Object.assign(fs, originals);
		syncBuiltinESMExports();
	}
}

/**
 * Runs `work` and lets it do its first `count` steps; from then on nothing that it does reaches the disk, so that it
 * cannot clear up either. Returns whether it was cut off.
 */
export async function killedAfter(count: number, work: () => Promise<unknown>): Promise<boolean> {
	const originals = new Map(steps.map((name) => [name, fs[name] as (...args: unknown[]) => unknown]));
	let done = 0;
	for (const [name, original] of originals) {
		const cutOff = (...args: unknown[]): unknown => {
			if (done++ >= count) throw new Error("killed");
			return original.apply(fs, args);
		};
		Object.assign(fs, { [name]: cutOff });
	}
	syncBuiltinESMExports();
	try {
		await work().catch((error: unknown) => {
			if (done <= count) throw error;
		});
		return done > count;
	} finally {
		Object.assign(fs, Object.fromEntries(originals));
		syncBuiltinESMExports();
	}
}
