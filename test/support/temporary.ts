import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new directory (a real path); the caller removes it. */
export function makeTemporaryDirectory(): string {
	return mkdtempSync(join(realpathSync(tmpdir()), "bale-"));
}

/** Removes a directory and what is in it. */
export function removeDirectory(path: string): void {
	rmSync(path, { recursive: true, force: true, maxRetries: 10 });
}

/** A new directory that is removed when the running test ends. */
export function temporaryDirectory(): string {
	const directory = makeTemporaryDirectory();
	onTestFinished(() => {
		removeDirectory(directory);
	});
	return directory;
}
