/** A walk through all verbs on a bucket. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
	checkWorkflow,
	deletePackage,
	installPackage,
	listPackages,
	listPackageVersions,
	Package,
	pushPackage,
	readWorkflows,
	revisions,
	unfinishedUploads,
} from "../../../src/index.ts";
import type { S3Store } from "../../../src/storage/s3/s3-store.ts";
import { writeFiles, type Files } from "../../client/support/files.ts";
import { temporaryDirectory } from "../temporary.ts";

/** Runs a verb; gives undefined when it has failed in a way that is allowed. */
export type Attempt = <T>(verb: string, run: () => Promise<T>) => Promise<T | undefined>;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
}

function expectFiles(directory: string, files: Files): void {
	for (const [name, content] of Object.entries(files)) {
		expect(readFileSync(join(directory, name)).equals(Buffer.from(content)), name).toBe(true);
	}
}

/**
 * Pushes, reads and changes the package `team/data` of `registry` with each verb, and expects the right result of each that
 * succeeds. Gives what was pushed: top hash -> the files of that revision.
 */
export async function everyVerb(
	registry: S3Store,
	files: Files,
	attempt: Attempt,
): Promise<ReadonlyMap<string, Files>> {
	const name = "team/data";
	const options = { registry } as const;
	const pushed = new Map<string, Files>();
	const folder = temporaryDirectory();
	writeFiles(folder, files);
	const made = await new Package().setDir("", folder, { meta: { made: "here" } });

	await attempt("check", async () =>
		expect((await checkWorkflow(made, name, options)).violations).toEqual([]),
	);
	await attempt("workflows", async () => expect(await readWorkflows(registry)).toBeUndefined());
	const first = await attempt("push", () =>
		pushPackage(made, name, { ...options, force: true, message: "first" }),
	);
	if (first === undefined) return pushed;
	const { topHash } = first;
	pushed.set(topHash, files);
	const again = await attempt("push again", () => pushPackage(made, name, { ...options, message: "first" }));
	if (again !== undefined) expect(again.topHash).toBe(topHash);

	const browsed = await attempt("browse", () => Package.browse(name, { registry, topHash }));
	if (browsed !== undefined) {
		expect([...browsed.walk()].map(([key]) => key)).toEqual([...made.walk()].map(([key]) => key));
		for (const [key, content] of Object.entries(files)) {
			const bytes = await attempt("read", () => browsed.entry(key).bytes());
			if (bytes !== undefined) expect(Buffer.from(bytes).equals(Buffer.from(content)), key).toBe(true);
		}
		const fetched = temporaryDirectory();
		if (await attempt("fetch", () => browsed.fetch(fetched))) expectFiles(fetched, files);
	}
	const dest = temporaryDirectory();
	const installed = await attempt("install", () => installPackage(name, { registry, topHash, dest }));
	if (installed !== undefined) {
		expectFiles(dest, files);
		expect((await installed.package.verify(dest)).ok).toBe(true);
	}

	await attempt("list", async () => expect(await all(listPackages(registry))).toContain(name));
	await attempt("versions", async () => {
		expect((await all(listPackageVersions(name, registry))).map(([, hash]) => hash)).toContain(topHash);
	});
	await attempt("log", async () => {
		expect((await all(revisions(name, registry))).map((revision) => revision.topHash)).toContain(topHash);
	});
	await attempt("resolve", async () => {
		expect(await Package.resolveHash(name, registry, topHash.slice(0, 12))).toBe(topHash);
	});
	await attempt("uploads", () => all(unfinishedUploads(registry)));

	const changed = { ...files, "added.txt": "added" };
	writeFiles(folder, changed);
	const next = await new Package().setDir("", folder, { meta: { made: "here" } });
	const second = await attempt("push change", () =>
		pushPackage(next, name, { ...options, force: true, message: "second" }),
	);
	if (second !== undefined) {
		pushed.set(second.topHash, changed);
		if (browsed !== undefined) {
			expect(browsed.diff(second.package)).toEqual({ added: ["added.txt"], modified: [], deleted: [] });
		}
		await attempt("rollback", async () => {
			await Package.rollback(name, registry, topHash);
			expect((await Package.browse(name, { registry })).topHash).toBe(topHash);
		});
	}
	const taken = await attempt("set", () => new Package().setDir("", `s3://${registry.root.bucket}/${name}/`));
	if (taken !== undefined) {
		const built = await attempt("build", () => taken.build("team/built", registry));
		if (built !== undefined) {
			await attempt("delete", async () => {
				await deletePackage("team/built", registry);
				expect(await all(listPackageVersions("team/built", registry))).toEqual([]);
			});
		}
	}
	return pushed;
}
