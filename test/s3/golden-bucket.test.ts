/** The cases of quilt3's buckets: what they hold, copying, the packages in them and names, with the outcomes of quilt3. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareNames } from "../../src/core/logical-key.ts";
import { copy, deletePackage, listPackages, listPackageVersions, Package } from "../../src/index.ts";
import { listed, readFiles, writeFiles } from "../client/support/files.ts";
import { bucketCases, expectCase, type Otherwise } from "../golden/bucket.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";
import { temporaryDirectory } from "../support/temporary.ts";

type Row = readonly [name: string, work: () => Promise<unknown>, otherwise?: Otherwise];

/** What bale has no counterpart of, by the beginning of the case's name. */
const without: Readonly<Record<string, string>> = {
	"unsigned fallback": "anonymous.test.ts",
	delete: "nothing deletes objects",
	delete_dir: "nothing deletes objects",
	"from quilt3.data": "modules of Python",
	import: "modules of Python",
	"package built after": "modules of Python",
	"build client hook": "hooks of Python",
	"set hook": "hooks of Python",
};

const opened = async (items: AsyncIterable<unknown>): Promise<string> => {
	await listed(items);
	return "True";
};

/** What is a bucket's address. */
function addresses(bucket: string): Row[] {
	const open = (registry: string) => () => opened(listPackages(registry));
	return [
		["Bucket('s3://BKT')", open(`s3://${bucket}`)],
		["Bucket('s3://BKT/')", open(`s3://${bucket}/`)],
		["Bucket('s3://BKT/p')", open(`s3://${bucket}/p`)],
		["Bucket('s3://BKT?versionId=1')", open(`s3://${bucket}?versionId=1`)],
		["Bucket('file:///x')", open("file:///x"), { value: "True", why: "directories are registries" }],
		["Bucket('BKT')", open(bucket), { value: "True", why: "it is a path, and directories are registries" }],
		["Bucket('s3://')", open("s3://")],
	];
}

/** Files and objects, in the order in which quilt3 has put them. */
function files(server: S3Server, bucket: string, second: string): Row[] {
	const folder = temporaryDirectory();
	writeFiles(folder, { "d/a.txt": "aa", "d/sub/b.txt": "bb" });
	mkdirSync(join(folder, "empty"));
	const local = (path: string): string => join(folder, "d", path) + (path.endsWith("/") ? "/" : "");
	const url = (key: string, of = bucket): string => `s3://${of}/${key}`;
	/** As a listing and as `setDir` tell it. */
	const keys = async (of = bucket): Promise<string[]> => {
		const items = await listed(server.openStore(of).list(""));
		const found = items.map((item) => ("key" in item ? item.key : item.prefix));
		const taken = await new Package().setDir("", url("", of));
		expect(Array.from(taken.walk(), ([key]) => key).toSorted(compareNames)).toEqual(found);
		return found;
	};
	const put = (source: string, to: string) => async (): Promise<void> => {
		await copy(source, to);
	};
	const then = (work: () => Promise<void>, of?: string) => async (): Promise<string[]> => {
		await work();
		return keys(of);
	};
	const level = async (prefix: string): Promise<string[][]> => {
		const items = await listed(server.openStore(bucket).list(prefix, { delimiter: "/" }));
		const prefixes = items.flatMap((item) => ("prefix" in item ? [item.prefix] : []));
		return [prefixes, items.flatMap((item) => ("key" in item ? [item.key] : [])), []];
	};
	const fetched = async (source: string, to: string): Promise<Record<string, string>> => {
		const into = temporaryDirectory();
		await copy(source, join(into, to) + (to.endsWith("/") ? "/" : ""));
		return readFiles(into);
	};
	const names = async (source: string): Promise<string[]> =>
		Object.keys(await fetched(source, "to/")).map((path) => path.slice("to/".length));
	return [
		["keys of an empty bucket", () => keys()],
		["put_file", put(local("a.txt"), url("x/a.txt"))],
		["put_file to key ending in /", then(put(local("a.txt"), url("dir/")))],
		["put_file missing", put(local("none"), url("none"))],
		["put_file of a directory", put(local("sub"), url("sub"))],
		["put_file empty key", put(local("a.txt"), url(""))],
		["keys", () => keys()],
		["put_dir", then(put(`${folder}/d/`, url("p/")))],
		["put_dir empty key", then(put(`${folder}/d/`, url("")))],
		["put_dir missing", put(`${folder}/none/`, url("q/"))],
		["put_dir of an empty directory", put(`${folder}/empty/`, url("q/"))],
		[
			"ls() shape (prefixes, versions, delete markers)",
			() => level(""),
			{ value: [["dir/", "p/", "sub/", "x/"], ["a.txt"], []], why: "names, of the latest versions only" },
		],
		["ls('p')", () => level("p/")],
		[
			"ls(recursive) returns two lists",
			async () => [(await keys()).length, 0],
			{ value: [6, 0], why: "the latest versions only" },
		],
		["ls of a missing prefix", () => level("none/")],
		["fetch file", async () => (await fetched(url("a.txt"), "b"))["b"]],
		["fetch file into dir/", () => names(url("a.txt"))],
		["fetch dir", () => names(url("p/"))],
		["fetch dir to a non-slash path", () => fetched(url("p/"), "to")],
		["fetch missing", () => fetched(url("none"), "to")],
		["fetch missing dir", () => fetched(url("none/"), "to/")],
		["copy local to s3", then(put(local("a.txt"), url("c.txt", second)), second)],
		["copy s3 to s3 dir", then(put(url("c.txt", second), url("dir/", second)), second)],
		["copy s3 to local", async () => (await fetched(url("c.txt", second), "c"))["c"]],
	];
}

/** The packages of a bucket, of which there are three. */
function packages(registry: string): Row[] {
	const missing: Otherwise = { code: "PackageNotFound", why: "a mistyped name is no success" };
	return [
		// Nothing is asked for, or it would fail.
		["list_packages is lazy", async () => (listPackages("s3://") instanceof Object ? "generator" : "")],
		["list_packages local", () => listed(listPackages(registry))],
		[
			"list_package_versions shape",
			async () =>
				(await listed(listPackageVersions("ns/pkg", registry))).map(([pointer, topHash]) => [
					pointer === "latest",
					topHash.length,
				]),
		],
		["list_package_versions of nothing", () => listed(listPackageVersions("ns/none", registry))],
		["delete_package missing, local", () => deletePackage("ns/none", temporaryDirectory())],
		["delete_package missing, s3", () => deletePackage("ns/none", registry), missing],
		["delete_package by unknown hash", () => deletePackage("ns/pkg", registry, { topHash: "0".repeat(64) })],
		[
			"delete_package",
			async () => {
				await deletePackage("ns/other", registry);
				return listed(listPackages(registry));
			},
		],
	];
}

const nameCases = bucketCases.filter((name) => name.startsWith("name '"));

function names(registry: string): Row[] {
	return nameCases.map((title) => {
		const name = title.slice("name '".length, -1).replace("\\n", "\n");
		const build = async (): Promise<string> => {
			const made = await new Package().set("a", new TextEncoder().encode("a"));
			await made.push(name, registry);
			return "accepted";
		};
		if (!name.endsWith("\n")) return [title, build];
		return [title, build, { code: "InvalidName", why: "it would be another key than it seems" }];
	});
}

onEachServer((server) => {
	const run = async (rows: readonly Row[]): Promise<void> => {
		for (const row of rows) await expectCase(...row);
	};

	test("addresses of buckets", async () => {
		await run(addresses(await server().makeBucket()));
	});

	test("what is in a bucket, and copying", async () => {
		const bucket = await server().makeBucket({ versions: true });
		await run(files(server(), bucket, await server().makeBucket({ versions: true })));
	});

	test("packages in a bucket", async () => {
		const registry = `s3://${await server().makeBucket()}`;
		const made = await new Package().set("a", new TextEncoder().encode("a"));
		for (const name of ["ns/other", "ns/pkg", "ns2/x-y_1"]) await made.push(name, registry);
		await run(packages(registry));
	});

	test("names of packages", async () => {
		await run(names(`s3://${await server().makeBucket()}`));
	});

	test("there is no other case", async () => {
		const bucket = await server().makeBucket();
		const rows = [
			...addresses(bucket),
			...files(server(), bucket, bucket),
			...packages(bucket),
			...names(bucket),
		].map(([name]) => name);
		const rest = bucketCases.filter((name) => !rows.includes(name));
		const known = rest.filter((name) => Object.keys(without).some((start) => name.startsWith(start)));
		expect([rows.length, new Set(rows).size, known]).toEqual([49, 49, rest]);
	});
});
