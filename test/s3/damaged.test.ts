/** Objects of a package that others have overwritten or deleted: pushing the good files again puts them right. */
import { expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { writeFiles, type Files } from "../client/support/files.ts";
import { contentsOf, sha256 } from "../support/files.ts";
import { runCli } from "../support/cli.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = "team/data";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function packageOf(files: Files): Promise<Package> {
	const folder = temporaryDirectory();
	writeFiles(folder, files);
	return new Package().setDir("", folder);
}

onEachServer((server) => {
	async function expectInstalled(registry: string, files: Readonly<Record<string, string>>): Promise<void> {
		const dest = temporaryDirectory();
		await Package.install(name, { registry, dest });
		const expected = Object.entries(files).map(([key, text]) => [key, sha256(Buffer.from(text))]);
		expect(contentsOf(dest)).toEqual(Object.fromEntries(expected));
	}

	test("a version that was deleted for ever is sent again by a push that trusts nothing", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const registry = `s3://${bucket}`;
		const files = { "a.txt": "alpha", "b.txt": "beta" };
		const first = await pushPackage(await packageOf(files), name, { registry });
		const key = new URL(first.package.get("a.txt"));
		const deletion = {
			action: "s3:DeleteObjectVersion",
			method: "DELETE",
			key: "team/data/a.txt",
			isRead: false,
		} as const;
		const query = [["versionId", key.searchParams.get("versionId")!]] as const;
		(
			await server()
				.client(bucket)
				.expect({ ...deletion, query })
		).discard();
		const options = { registry, force: true, message: "again", cache: false };
		const again = await pushPackage(await packageOf(files), name, options);
		expect(again).toMatchObject({ copied: { files: 1 }, reused: { files: 1 } });
		await expectInstalled(registry, files);
	});

	test.each([
		["of the same size", "ALPHA"],
		["of another size", "something else"],
	])("an object that others have overwritten with content %s is not copied", async (_title, other) => {
		const bucket = await server().makeBucket();
		const registry = `s3://${bucket}`;
		await pushPackage(await packageOf({ "a.txt": "alpha" }), name, { registry });
		await server().openStore(bucket).put("team/data/a.txt", bytes(other));
		await pushPackage(await packageOf({ "a.txt": "alpha" }), name, {
			registry,
			force: true,
			message: "again",
		});
		await expectInstalled(registry, { "a.txt": "alpha" });
		await server().openStore(bucket).put("team/data/a.txt", bytes(other));
		await pushPackage(await packageOf({ renamed: "alpha" }), name, { registry, force: true });
		await expectInstalled(registry, { renamed: "alpha" });
	});

	test("doctor --deep tells every pointer and manifest that is damaged", async () => {
		const bucket = await server().makeBucket();
		const registry = `s3://${bucket}`;
		const { topHash } = await pushPackage(await packageOf({ a: "1" }), name, { registry, message: "one" });
		const home = temporaryDirectory();
		const doctor = async (code: number): Promise<string[]> => {
			const args = ["doctor", registry, "--deep", "--json"];
			const result = await runCli(args, { home, env: { ...server().environment } });
			expect(result).toMatchObject({ code });
			const { findings } = JSON.parse(result.stdout) as {
				findings: { check: string; severity: string; what: string }[];
			};
			return findings
				.filter(({ severity, what }) => severity === "problem" || what.includes(registry))
				.map(({ check, what }) => `${check}: ${what.replaceAll(registry, "REGISTRY")}`)
				.toSorted(compareNames);
		};
		expect(await doctor(0)).toContain("registry: Registry REGISTRY/: 1 package, 1 manifest read");
		const store = server().openStore(bucket);
		await store.put(`.quilt/packages/${topHash}`, bytes("{}\n"));
		await store.put(`.quilt/packages/readme`, bytes("hello"));
		await store.put(".quilt/named_packages/team/data/latest", bytes("a".repeat(64)));
		await store.put(".quilt/named_packages/team/data/1700000000", bytes("no hash"));
		expect((await doctor(4)).filter((line) => !line.startsWith("uploads"))).toEqual([
			"corrupt-pointer: The pointer team/data:1700000000 does not hold a top hash",
			expect.stringContaining(
				`damaged-manifest: The manifest ${topHash.slice(0, 10)} in REGISTRY/ is damaged: `,
			),
			"dangling-pointer: The pointer team/data:latest names aaaaaaaaaa, whose manifest is not there",
			'foreign-file: ".quilt/packages/readme" lies in the registry REGISTRY/ and is no part of it',
		]);
	});
});
