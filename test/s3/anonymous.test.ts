/**
 * Buckets that everybody may read, with keys that are refused there and without any: what quilt3 reads is read, with no
 * request more than quilt3 sends, and without a probe before each operation. Only a HEAD that is refused signed and unsigned
 * costs one more: bale says what is wrong with the keys.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { copy, installPackage, listPackages, Package, pushPackage, revisions } from "../../src/index.ts";
import { listed, readFiles, writeFiles } from "../client/support/files.ts";
import { bucketCase, bucketCases, expectCase } from "../golden/bucket.ts";
import { publish, type PublicServer } from "../support/s3/public-bucket.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Refused: the secret is another one. */
type Keys = "own" | "refused" | "unknown" | "none";
type Asked = readonly [method: string, signature: string, status: number];

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const prefix = "unsigned fallback: ";

const list = (bucket: string) => new Package().setDir("", `s3://${bucket}/`);
const set = (bucket: string) => new Package().set("k", `s3://${bucket}/k`);
const get = async (bucket: string): Promise<void> => {
	expect(await (await set(bucket)).entry("k").text()).toBe("content");
};
const put = (bucket: string) => copy(join(folderWith("content"), "k"), `s3://${bucket}/new`);
const down = async (bucket: string): Promise<void> => {
	const into = temporaryDirectory();
	await copy(`s3://${bucket}/k`, `${into}/k`);
	expect(readFileSync(join(into, "k"), "utf8")).toBe("content");
};

function folderWith(content: string): string {
	const folder = temporaryDirectory();
	writeFiles(folder, { k: content });
	return folder;
}

const refused = (method: string): Asked => [method, "signed", 403];
const open = (method: string): Asked => [method, "unsigned", 200];
const own = (method: string): Asked => [method, "signed", 200];
const closed = (method: string): Asked => [method, "unsigned", 403];

/** Each case of quilt3, with what bale asks for; of a bucket that is public or one that is not. */
const cases: Readonly<
	Record<
		string,
		readonly [keys: Keys, isPublic: boolean, (bucket: string) => Promise<unknown>, readonly Asked[]]
	>
> = {
	"signed refused, unsigned allowed, list": ["refused", true, list, [refused("GET"), open("GET")]],
	"signed refused, unsigned allowed, get": [
		"refused",
		true,
		get,
		[refused("HEAD"), open("HEAD"), open("GET")],
	],
	"size and version": ["refused", true, set, [refused("HEAD"), open("HEAD")]],
	"put is never tried unsigned": ["refused", true, put, [refused("PUT")]],
	"copy_file down": ["refused", true, down, [refused("HEAD"), open("HEAD"), open("GET")]],
	"both refused, list": ["refused", false, list, [refused("GET"), closed("GET")]],
	// The third asks for what the answers to HEAD cannot say: why.
	"both refused, get": ["refused", false, get, [refused("HEAD"), closed("HEAD"), refused("GET")]],
	"signed allowed, get": ["own", false, get, [own("HEAD"), own("GET")]],
	"signed allowed, list": ["own", false, list, [own("GET")]],
	"no credentials anywhere: standard client is unsigned": ["none", true, get, [open("HEAD"), open("GET")]],
	"no credentials: put goes out unsigned": ["none", true, put, [closed("PUT")]],
};

function use({ endpoint }: PublicServer, keys: Keys): void {
	vi.stubEnv("AWS_ENDPOINT_URL_S3", endpoint);
	if (keys === "own") return;
	if (keys !== "refused") vi.stubEnv("AWS_ACCESS_KEY_ID", keys === "none" ? undefined : "unknown");
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys === "none" ? undefined : "another secret");
}

onEachServer((server, kind) => {
	test.each(Object.entries(cases))("%s", async (name, [keys, isPublic, work, asked]) => {
		const bucket = await server().makeBucket();
		await server().openStore(bucket).put("k", text("content"));
		const front = await publish(server(), kind, isPublic ? [bucket] : []);
		use(front, keys);
		await expectCase(prefix + name, async () => {
			await work(bucket);
		});
		expect(front.seen.map(([method, _url, ...rest]) => [method, ...rest])).toEqual(asked);
		const most = bucketCase(prefix + name).http?.length ?? 0;
		expect(asked.length).toBeLessThanOrEqual(name === "both refused, get" ? most + 1 : most);
	});

	test("there is no other case", () => {
		const golden = bucketCases.filter((name) => name.startsWith(prefix));
		expect(Object.keys(cases).map((name) => prefix + name)).toEqual(golden);
	});

	describe.each<[Keys, boolean]>([
		["none", true],
		["none", false],
		["refused", true],
		["refused", false],
		["unknown", true],
	])("with keys: %s, versions: %s, a public registry", (keys, versions) => {
		test("is listed, read and installed from, and refuses a push", async () => {
			const bucket = await server().makeBucket({ versions });
			const registry = `s3://${bucket}`;
			const files = { a: "alpha", "sub/b c": "beta", empty: "" };
			const folder = temporaryDirectory();
			writeFiles(folder, files);
			const made = await new Package().setDir("", folder);
			const { topHash } = await pushPackage(made, "team/data", { registry, message: "one" });
			const front = await publish(server(), kind, [bucket]);
			use(front, keys);

			expect(await listed(listPackages(registry))).toEqual(["team/data"]);
			expect((await listed(revisions("team/data", registry))).map(({ message }) => message)).toEqual(["one"]);
			const [dest, destRegistry] = [temporaryDirectory(), temporaryDirectory()];
			expect((await installPackage("team/data", { registry, dest, destRegistry })).topHash).toBe(topHash);
			expect(readFiles(dest, [".quilt"])).toEqual(files);
			const browsed = await Package.browse("team/data", { registry });
			expect(await browsed.entry("sub/b c").text()).toBe("beta");
			// One refusal for the bucket and no more: it is remembered.
			expect(front.seen.filter(([, , , status]) => status >= 400)).toHaveLength(keys === "none" ? 0 : 1);
			await browsed.set("new", text("new"));
			await expect(browsed.push("team/data", registry)).rejects.toMatchObject({ code: "AccessDenied" });
		});
	});
});
