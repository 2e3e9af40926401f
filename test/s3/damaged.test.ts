/** Objects of a package that others have overwritten or deleted: pushing the good files again puts them right. */
import { expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { writeFiles, type Files } from "../client/support/files.ts";
import { contentsOf, sha256 } from "../support/files.ts";
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
});
