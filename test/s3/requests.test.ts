/** What goes over the wire, by the log of a proxy before each server: nothing is sent twice, and nothing is read that need not be. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { installPackage, Package, pushPackage } from "../../src/index.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { writeFiles, type Files } from "../client/support/files.ts";
import { runCli, runCliJson } from "../support/cli.ts";
import { claimBytes } from "../support/s3/claims.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { startProxy, type LoggedRequest, type S3Proxy } from "../support/s3/proxy.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
const large = Buffer.alloc(9 * mebibyte, "nine mebibytes ");

async function packageOf(files: Files): Promise<Package> {
	const directory = temporaryDirectory();
	writeFiles(directory, files);
	return new Package().setDir("", directory);
}

onEachServer((server) => {
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());
	beforeEach(() => {
		for (const [name, value] of Object.entries(proxy.server.environment)) vi.stubEnv(name, value);
	});

	/**
	 * The requests since the last look, but those that a busy server has put off, and those that only take the free place of a copy
	 * where there are no versions: a line each.
	 */
	function takeLog(): LoggedRequest[] {
		const log = proxy.clear().filter(({ status }) => status < 500);
		const copied = new Set(log.filter(({ operation }) => operation === "CopyObject").map(({ key }) => key));
		const isClaim = ({ operation, key, sent }: LoggedRequest): boolean =>
			operation === "PutObject" && copied.has(key) && sent === claimBytes;
		return log.filter((request) => !isClaim(request));
	}

	/** What was asked for of the objects that packages name, since the last look: `operation key`, sorted; never HEAD. */
	function dataRequests(below = "team/"): string[] {
		return takeLog()
			.filter(({ key, operation }) => key.startsWith(below) && operation !== "HeadObject")
			.map(({ key, operation }) => `${operation} ${key.replace(/^team\/[^/]+\//, "")}`)
			.toSorted(compareNames);
	}

	function dataBytes(log: readonly LoggedRequest[]): number {
		return log.filter(({ key }) => key.startsWith("team/")).reduce((sum, { sent }) => sum + sent, 0);
	}

	describe.each([true, false])("with versions %s", (versions) => {
		const files = {
			"a.txt": "alpha",
			"b.txt": "beta",
			"sub/c.bin": new Uint8Array(100_000),
			"large.bin": large,
		};
		const makeRegistry = async (): Promise<string> => `s3://${await server().makeBucket({ versions })}`;

		test("a push of unchanged files sends no data, and reads none", async () => {
			const registry = await makeRegistry();
			const made = await packageOf(files);
			await pushPackage(made, "team/data", { registry });
			proxy.clear();
			await pushPackage(await packageOf(files), "team/data", { registry, force: true });
			expect(dataRequests()).toEqual([]);
			await pushPackage(await packageOf(files), "team/data", {
				registry,
				force: true,
				message: "with another top hash",
			});
			expect(dataRequests()).toEqual([]);
		});

		const pointers = ".quilt/named_packages/team/data/";
		const requests = (): string[] =>
			takeLog().map(({ operation, key }) => `${operation} ${key.replace(/(?<=\/)\d{10}$/, "SECONDS")}`);
		/** Without versions, whether an object is still the one that was pushed must be asked. */
		const looks = versions ? [] : Object.keys(files).map((key) => `HeadObject team/data/${key}`);

		test("bale delete NAME@HASH lists the pointers and reads each of them once", async () => {
			const registry = await makeRegistry();
			const { topHash } = await pushPackage(await packageOf({ a: "1" }), "team/data", { registry });
			await pushPackage(await packageOf({ a: "2" }), "team/data", { registry, force: true });
			proxy.clear();
			const args = ["delete", `team/data@${topHash}`, "--registry", registry, "--yes"];
			const options = { home: temporaryDirectory(), env: { ...proxy.server.environment } };
			expect(await runCli(args, options)).toMatchObject({ code: 0 });
			const reads = requests().filter((request) => /^(Get|Head|List)/.test(request));
			expect(reads.toSorted(compareNames)).toEqual([
				`GetObject ${pointers}SECONDS`,
				`GetObject ${pointers}SECONDS`,
				`GetObject ${pointers}latest`,
				"ListObjects ",
			]);
		});

		test("a push of unchanged files reads latest and its manifest once, and writes nothing", async () => {
			const registry = await makeRegistry();
			const { topHash } = await pushPackage(await packageOf(files), "team/data", { registry });
			const reads = [
				"GetObject .quilt/workflows/config.yml",
				`GetObject ${pointers}latest`,
				`GetObject .quilt/packages/${topHash}`,
			];
			proxy.clear();
			await pushPackage(await packageOf(files), "team/data", { registry, force: true });
			const asked = requests();
			expect(asked.slice(0, 3)).toEqual(reads);
			expect(asked.slice(3).toSorted(compareNames)).toEqual(looks.toSorted(compareNames));

			const browsed = await Package.browse("team/data", { registry });
			proxy.clear();
			await pushPackage(browsed, "team/data", { registry });
			expect(requests()).toEqual(reads);
			await pushPackage(browsed, "team/data", { registry, dryRun: true });
			expect(requests()).toEqual(reads.slice(0, 2));
		});

		test("so does the command, which also compares with the latest revision", async () => {
			const registry = await makeRegistry();
			const home = temporaryDirectory();
			writeFiles(home, { "data/a.txt": "alpha" });
			const push = () =>
				runCliJson(["push", "team/data", "--dir", "data", "--registry", registry], {
					home,
					env: { ...proxy.server.environment },
				});
			const topHash = String((await push())["topHash"]);
			proxy.clear();
			expect(await push()).toMatchObject({ topHash, changed: false, changes: { from: topHash } });
			expect(requests().toSorted(compareNames)).toEqual(
				[
					`GetObject .quilt/packages/${topHash}`,
					"GetObject .quilt/workflows/config.yml",
					`GetObject ${pointers}latest`,
					...(versions ? [] : ["HeadObject team/data/a.txt"]),
				].toSorted(compareNames),
			);
			writeFiles(home, { "data/a.txt": "changed" });
			expect(await push()).toMatchObject({ changes: { from: topHash, modified: ["a.txt"] } });
			const asked = requests().filter((request) => request === `GetObject .quilt/packages/${topHash}`);
			expect(asked).toHaveLength(1);
		});

		test("a push after one change writes one object, the manifest and its pointers, and nothing else", async () => {
			const registry = await makeRegistry();
			const first = await pushPackage(await packageOf(files), "team/data", { registry });
			proxy.clear();
			const made = await packageOf({ ...files, "b.txt": "another beta" });
			const { topHash } = await pushPackage(made, "team/data", { registry, force: true });
			const asked = requests();
			const writes = asked.filter((request) => /^(Put|Copy|Delete|Create|Upload|Complete)/.test(request));
			expect(
				writes.map((write) => write.replace(/objects\/team\/data\/[0-9a-f]+/, "objects/DIGITS")),
			).toEqual([
				versions ? "PutObject team/data/b.txt" : "PutObject .bale/objects/DIGITS/b.txt",
				`PutObject .quilt/packages/${topHash}`,
				`PutObject ${pointers}SECONDS`,
				expect.stringMatching(/^PutObject \.bale\/authors\/team\/data\//),
				`PutObject ${pointers}latest`,
			]);
			// `latest` is read again before anything is written beside the data. All other reads are made once.
			expect(asked.filter((request) => request.startsWith("GetObject ")).toSorted(compareNames)).toEqual(
				[
					`GetObject .quilt/packages/${first.topHash}`,
					"GetObject .quilt/workflows/config.yml",
					`GetObject ${pointers}latest`,
					`GetObject ${pointers}latest`,
				].toSorted(compareNames),
			);
		});

		test("a push after one change sends that file, with each byte once", async () => {
			const registry = await makeRegistry();
			await pushPackage(await packageOf(files), "team/data", { registry });
			proxy.clear();
			const next = await packageOf({ ...files, "b.txt": "another beta" });
			await pushPackage(next, "team/data", { registry, force: true });
			const log = takeLog();
			const sent = log
				.filter(({ operation }) => operation === "PutObject")
				.filter(({ key }) => !key.includes(".quilt/"));
			expect(sent.filter(({ key }) => key.endsWith("b.txt")).map(({ sent: bytes }) => bytes)).toEqual([12]);
			expect(sent.filter(({ key }) => /a\.txt|c\.bin|large/.test(key))).toEqual([]);
			expect(
				log.filter(({ operation, key }) => operation === "GetObject" && key.startsWith("team/")),
			).toEqual([]);
		});

		test("the same files under another name are not sent: the server copies them", async () => {
			const registry = await makeRegistry();
			const made = await packageOf(files);
			const first = await pushPackage(made, "team/data", { registry });
			proxy.clear();
			const second = await pushPackage(made, "team/other", { registry });
			expect(dataBytes(takeLog().filter(({ operation }) => /^(Put|UploadPart$)/.test(operation)))).toBe(0);
			expect(second).toMatchObject({ copied: { files: 4 }, topHash: first.topHash });
			const keys = (pkg: Package): string[] => [...pkg.walk()].map(([, { physicalKey }]) => physicalKey);
			for (const key of keys(second.package)) expect(key).toContain("/team/other/");
			for (const name of ["team/data", "team/other"]) {
				expect(keys(await Package.browse(name, { registry }))).toEqual(keys(second.package));
			}
		});

		test("equal files are uploaded once: the server copies the others", async () => {
			const registry = await makeRegistry();
			await pushPackage(
				await packageOf({ one: "the same", two: "the same", other: "not same" }),
				"team/data",
				{
					registry,
				},
			);
			expect(dataRequests()).toEqual(["CopyObject two", "PutObject one", "PutObject other"]);
			await pushPackage(await packageOf({ one: large, two: large }), "team/large", { registry });
			const log = takeLog();
			expect(dataBytes(log.filter(({ operation }) => operation === "UploadPart"))).toBe(large.length);
			const operations = log.filter(({ key }) => key.startsWith("team/large/two"));
			expect(operations.filter(({ operation }) => operation === "UploadPart")).toEqual([]);
			expect(operations.map(({ operation }) => operation)).toContain("UploadPartCopy");
		});

		test("a renamed file is not uploaded again", async () => {
			const registry = await makeRegistry();
			await pushPackage(await packageOf({ "old name": "content", "old large": large }), "team/data", {
				registry,
			});
			proxy.clear();
			await pushPackage(await packageOf({ "new name": "content", "new/large": large }), "team/data", {
				registry,
				force: true,
			});
			const sent = dataRequests();
			expect(sent.filter((request) => /^(PutObject|UploadPart) /.test(request))).toEqual([]);
			expect(sent).toContain("CopyObject new name");
		});

		test("hashes of objects come from the store where it has them: no data are read", async () => {
			const source = await server().makeBucket({ versions });
			const store = server().openStore(source);
			const encoder = new TextEncoder();
			for (const key of ["a", "b/c"]) await store.put(`team/raw/${key}`, encoder.encode(`content of ${key}`));
			proxy.clear();
			const taken = await new Package().setDir("", `s3://${source}/team/raw/`);
			const topHash = await taken.build("team/data", await makeRegistry());
			expect(dataRequests()).toEqual([]);
			const pushed = await pushPackage(taken, "team/data", { registry: await makeRegistry() });
			expect(pushed.topHash).toBe(topHash);
			expect(dataRequests()).toEqual(["CopyObject a", "CopyObject b/c"]);
		});

		test("an installation reads each file once, and nothing when it is run again", async () => {
			const registry = await makeRegistry();
			await pushPackage(await packageOf(files), "team/data", { registry });
			const dest = temporaryDirectory();
			proxy.clear();
			await installPackage("team/data", { registry, dest });
			const received = new Map<string, number>();
			for (const { key, received: bytes } of takeLog().filter(({ status }) => status < 300))
				received.set(key, (received.get(key) ?? 0) + bytes);
			for (const [name, content] of Object.entries(files)) {
				expect(received.get(`team/data/${name}`), name).toBe(content.length);
			}
			await installPackage("team/data", { registry, dest });
			expect(dataRequests()).toEqual([]);
		});
	});
});
