import { createHash } from "node:crypto";
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPackage, Package, pushPackage } from "../../../src/index.ts";
import { contentsOf, sha256 } from "../../support/files.ts";
import { startTestGateway, type TestGateway } from "../../support/s3/gateway.ts";
import type { S3Server } from "../../support/s3/server.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { clientOf, contentsOfBucket, onceMore, registryOf, type Client } from "./clients.ts";

const large = Buffer.alloc(12 * 2 ** 20 + 1, "twelve mebibytes and a byte; ");

/** rclone with the server as its remote "lab". */
function rclone(server: S3Server): Client {
	return clientOf("rclone", {
		...server.environment,
		// No file of settings.
		RCLONE_CONFIG: "",
		RCLONE_CONFIG_LAB_TYPE: "s3",
		RCLONE_CONFIG_LAB_PROVIDER: "Other",
		RCLONE_CONFIG_LAB_ENV_AUTH: "true",
		RCLONE_CONFIG_LAB_ENDPOINT: server.endpoint,
		RCLONE_S3_UPLOAD_CUTOFF: "5M",
		RCLONE_S3_CHUNK_SIZE: "5M",
		RCLONE_RETRIES: "1",
		RCLONE_STATS: "0",
	});
}

type Listed = {
	readonly Path: string;
	readonly Size: number;
	readonly ModTime: string;
	readonly Hashes?: { readonly md5?: string };
};

onEachServer((server, kind) => {
	test(
		"rclone takes what bale has pushed, and bale packs what rclone has put there",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket({ versions: true });
			const registry = `s3://${bucket}`;
			const { run } = rclone(server());
			const folder = temporaryDirectory();
			mkdirSync(join(folder, "sub"));
			writeFileSync(join(folder, "large.bin"), large);
			writeFileSync(join(folder, "sub/a b+c%ü.txt"), "odd");
			writeFileSync(join(folder, "empty"), "");
			const { topHash } = await pushPackage(await new Package().setDir("", folder), "lab/data", { registry });
			const copy = temporaryDirectory();
			await run("copy", `lab:${bucket}/lab/data`, copy);
			expect(contentsOf(copy)).toEqual(contentsOf(folder));

			await run("sync", copy, `lab:${bucket}/raw`);
			expect((await server().openStore(bucket).head("raw/large.bin"))?.etag).toMatch(/-3"?$/);
			await run("check", "--download", copy, `lab:${bucket}/raw`);
			const packed = await new Package().setDir("", `${registry}/raw/`);
			expect((await pushPackage(packed, "lab/packed", { registry })).topHash).toBe(topHash);
			const dest = temporaryDirectory();
			await installPackage("lab/packed", { registry: registryOf(server(), bucket), dest });
			expect(contentsOf(dest)).toEqual(contentsOf(folder));
		},
	);

	test(
		"rclone sends what has changed, checks, lists, copies within the bucket, and removes",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket();
			const { run } = rclone(server());
			const folder = temporaryDirectory();
			for (const key of ["kept", "changed", "removed"]) writeFileSync(join(folder, key), key);
			await run("sync", folder, `lab:${bucket}/in`);
			writeFileSync(join(folder, "changed"), "changed, and longer");
			rmSync(join(folder, "removed"));
			await expect(run("check", folder, `lab:${bucket}/in`)).rejects.toThrow("2 differences found");
			const said = await run("sync", "--dry-run", "--combined", "-", folder, `lab:${bucket}/in`);
			expect(new Set(said.trim().split("\n"))).toEqual(new Set(["= kept", "* changed", "- removed"]));
			await run("sync", folder, `lab:${bucket}/in`);
			await run("check", folder, `lab:${bucket}/in`);
			const listed = JSON.parse(
				await run("lsjson", "--recursive", "--hash", "--files-only", `lab:${bucket}`),
			) as readonly Listed[];
			expect(listed.map(({ Path }) => Path)).toEqual(["in/changed", "in/kept"]);
			expect(listed[1]).toMatchObject({
				Size: 4,
				Hashes: { md5: createHash("md5").update("kept").digest("hex") },
			});
			await run("moveto", `lab:${bucket}/in/kept`, `lab:${bucket}/moved here`);
			await run("purge", `lab:${bucket}/in`);
			expect(await contentsOfBucket(server(), bucket)).toEqual({ "moved here": sha256("kept") });
		},
	);
});

describe("on a folder that is served,", () => {
	let server: TestGateway;
	beforeAll(async () => {
		server = await startTestGateway();
	});
	afterAll(() => server.stop());

	test("rclone compares files that were there before with files of its own", async () => {
		const bucket = await server.makeBucket();
		const { run } = rclone(server);
		const folder = temporaryDirectory();
		const texts = [Buffer.alloc(8192, "one"), Buffer.alloc(8192, "two")] as const;
		for (const [index, place] of [folder, server.folderOf(bucket)].entries()) {
			writeFileSync(join(place, "same"), "same");
			writeFileSync(join(place, "other"), texts[index]!);
		}
		// The ETag of a larger file is no MD5, so that only its bytes tell it apart.
		await run("check", folder, `lab:${bucket}`);
		await expect(run("check", "--download", folder, `lab:${bucket}`)).rejects.toThrow("1 differences found");
		utimesSync(join(folder, "other"), 0, 0);
		await run("sync", folder, `lab:${bucket}`);
		expect(await contentsOfBucket(server, bucket)).toEqual({ same: sha256("same"), other: sha256(texts[0]) });
		const listed = JSON.parse(await run("lsjson", `lab:${bucket}/other`)) as readonly Listed[];
		expect(Date.parse(listed[0]!.ModTime)).toBe(0);
		await run("check", folder, `lab:${bucket}`);
	});
});
