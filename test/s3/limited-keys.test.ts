/** Keys that may do some things and not others: which action was refused on what is said, and nothing is half done. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import {
	copy,
	deletePackage,
	listPackages,
	listPackageVersions,
	Package,
	pushPackage,
	type BaleError,
} from "../../src/index.ts";
import { collect } from "../../src/storage/byte-source.ts";
import type { S3Credentials } from "../../src/storage/s3/signature.ts";
import type { ObjectInfo } from "../../src/storage/store.ts";
import { failure } from "../client/support/failure.ts";
import { runCli } from "../support/cli.ts";
import { limitedKeys } from "../support/s3/limited-keys.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
};
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const every = [
	"s3:GetObject",
	"s3:GetObjectVersion",
	"s3:PutObject",
	"s3:DeleteObject",
	"s3:ListBucket",
	"s3:ListBucketVersions",
	"s3:GetBucketVersioning",
	"s3:AbortMultipartUpload",
	"s3:ListMultipartUploadParts",
	"s3:ListBucketMultipartUploads",
];

onEachServer((server, { limitsKeys }) => {
	if (limitsKeys !== true) {
		test("gives no keys that may do less", async () => {
			const bucket = await server().makeBucket();
			await expect(limitedKeys(server(), bucket, every)).rejects.toThrow("no keys");
		});
		return;
	}

	describe("keys that may do all but one thing", () => {
		const made = async (content: string): Promise<Package> => new Package().set("a", text(content));

		const use = ({ accessKeyId, secretAccessKey, sessionToken = "" }: S3Credentials): void => {
			vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
			vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
			vi.stubEnv("AWS_SESSION_TOKEN", sessionToken);
		};
		/** A bucket with a package of two revisions, and the environment of someone who may do all but `action` there. */
		const without = async (action: string | RegExp): Promise<string> => {
			const bucket = await server().makeBucket({ versions: true });
			use({ ...server().credentials });
			for (const content of ["old", "first"]) {
				const options = { registry: `s3://${bucket}`, force: true };
				await pushPackage(await made(content), "team/data", options);
			}
			const actions = every.filter((name) =>
				typeof action === "string" ? name !== action : !action.test(name),
			);
			const keys = await limitedKeys(server(), bucket, actions);
			use(keys);
			return bucket;
		};
		const limitedEnvironment = (): Record<string, string> =>
			Object.fromEntries(
				["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map((name) => [
					name,
					process.env[name] ?? "",
				]),
			);
		const firstHash = async (bucket: string): Promise<string> => {
			const store = server().openStore(bucket);
			const { value } = await store.list(".quilt/named_packages/team/data/").next();
			const pointer = await store.get((value as ObjectInfo).key);
			return new TextDecoder().decode(await collect(pointer!.body));
		};
		const expectRefusal = (
			error: Pick<BaleError, "message" | "hint" | "details">,
			action: string,
			resource: string,
		): void => {
			expect(error.message).toContain(action);
			expect(error.message).toContain(`arn:aws:s3:::${resource}`);
			expect(error.hint).toContain(action);
			expect(error.details).toMatchObject({ action, status: 403 });
		};

		test("can push and install when they may do all that is needed", async () => {
			const bucket = await without("s3:ListBucketMultipartUploads");
			const registry = `s3://${bucket}`;
			const pushed = await pushPackage(await made("second"), "team/data", { registry, force: true });
			expect((await Package.browse("team/data", { registry })).topHash).toBe(pushed.topHash);
		});

		test("cannot push without s3:PutObject, and nothing is published", async () => {
			const bucket = await without("s3:PutObject");
			const before = await all(server().openStore(bucket).list(""));
			const pushing = pushPackage(await made("second"), "team/data", {
				registry: `s3://${bucket}`,
				force: true,
			});
			expectRefusal(await failure(pushing, "AccessDenied"), "s3:PutObject", `${bucket}/`);
			expect(await all(server().openStore(bucket).list(""))).toEqual(before);
		});

		test("cannot build without s3:PutObject", async () => {
			const bucket = await without("s3:PutObject");
			const building = (await made("second")).build("team/other", `s3://${bucket}`);
			expectRefusal(await failure(building, "AccessDenied"), "s3:PutObject", `${bucket}/.quilt/`);
		});

		test.each(["browse", "install"] as const)("cannot %s without s3:GetObject", async (verb) => {
			const bucket = await without(/^s3:GetObject/);
			const registry = `s3://${bucket}`;
			const work =
				verb === "browse"
					? Package.browse("team/data", { registry })
					: Package.install("team/data", { registry, dest: temporaryDirectory() });
			const refused = await failure(work, "AccessDenied");
			expectRefusal(refused, "s3:GetObject", `${bucket}/.quilt/named_packages/team/data/latest`);
		});

		test("cannot push without s3:GetObject", async () => {
			const bucket = await without(/^s3:GetObject/);
			const pushing = pushPackage(await made("second"), "team/data", { registry: `s3://${bucket}` });
			expectRefusal(
				await failure(pushing, "AccessDenied"),
				"s3:GetObject",
				`${bucket}/.quilt/workflows/config.yml`,
			);
		});

		test("cannot list without s3:ListBucket", async () => {
			const bucket = await without("s3:ListBucket");
			const registry = `s3://${bucket}`;
			const listings = [
				() => all(listPackages(registry)),
				() => all(listPackageVersions("team/data", registry)),
			];
			for (const list of listings)
				expectRefusal(await failure(list(), "AccessDenied"), "s3:ListBucket", bucket);
		});

		test("cannot take a folder without listing", async () => {
			const bucket = await without(/^s3:ListBucket/);
			const taking = new Package().setDir("", `s3://${bucket}/team/`);
			const refused = await failure(taking, "AccessDenied");
			expect(refused.message).toMatch(/s3:ListBucket(Versions)? on arn:aws:s3:::/);
		});

		test("cannot delete without s3:DeleteObject, and the package stays", async () => {
			const bucket = await without("s3:DeleteObject");
			const registry = `s3://${bucket}`;
			const refused = await failure(deletePackage("team/data", registry), "AccessDenied");
			expectRefusal(refused, "s3:DeleteObject", `${bucket}/.quilt/named_packages/team/data/`);
			expect(await (await Package.browse("team/data", { registry })).entry("a").text()).toBe("first");
		});

		/** What the command does with the package `team/data`, and the action and the object that it cannot do without. */
		const commands: Record<string, readonly [args: readonly string[], action: string, key: string]> = {
			rollback: [["rollback", "team/data"], "s3:PutObject", "/.quilt/named_packages/team/data/latest"],
			"rollback, reading": [
				["rollback", "team/data"],
				"s3:GetObject",
				"/.quilt/named_packages/team/data/latest",
			],
			log: [["log", "team/data"], "s3:ListBucket", ""],
			"log, reading": [["log", "team/data"], "s3:GetObject", "/.quilt/named_packages/team/data/"],
			fetch: [["fetch", "team/data"], "s3:GetObject", "/.quilt/named_packages/team/data/latest"],
			verify: [["verify", "team/data"], "s3:GetObject", "/.quilt/named_packages/team/data/latest"],
			diff: [["diff", "team/data"], "s3:GetObject", "/.quilt/named_packages/team/data/latest"],
		};

		test.each(Object.entries(commands))("cannot %s", async (title, [args, action, key]) => {
			const home = temporaryDirectory();
			const bucket = await without(action === "s3:GetObject" ? /^s3:GetObject/ : action);
			const registry = `s3://${bucket}`;
			const topHash = await firstHash(bucket);
			const words = title.startsWith("rollback")
				? [topHash]
				: title.startsWith("diff")
					? ["--dir", home]
					: [];
			const place = title.startsWith("fetch") ? ["--dest", join(home, "out")] : [];
			const before = await all(server().openStore(bucket).list(""));
			const env = { ...server().environment, ...limitedEnvironment() };
			const result = await runCli([...args, ...words, ...place, "--registry", registry, "--json"], {
				home,
				env,
			});
			expect(result.code, result.stderr).toBe(12);
			const { error } = JSON.parse(result.stdout) as {
				error: Pick<BaleError, "message" | "hint" | "details">;
			};
			expectRefusal(error, action, `${bucket}${key}`);
			expect(await all(server().openStore(bucket).list(""))).toEqual(before);
		});

		test("cannot fetch what they may not read", async () => {
			const bucket = await without("s3:ListBucketMultipartUploads");
			use(await limitedKeys(server(), bucket, every, ".quilt/*"));
			const pkg = await Package.browse("team/data", { registry: `s3://${bucket}` });
			const fetching = pkg.fetch(join(temporaryDirectory(), "out"));
			const refused = await failure(fetching, "AccessDenied");
			expectRefusal(refused, "s3:GetObjectVersion", `${bucket}/team/data/a`);
		});

		test("cannot resolve a hash without s3:ListBucket", async () => {
			const bucket = await without("s3:ListBucket");
			const registry = `s3://${bucket}`;
			const topHash = await firstHash(bucket);
			const short = await failure(
				Package.resolveHash("team/data", registry, topHash.slice(0, 8)),
				"AccessDenied",
			);
			expectRefusal(short, "s3:ListBucket", bucket);
		});

		test("cannot copy without reading the source, or writing the copy", async () => {
			const source = await without(/^s3:GetObject/);
			const reading = copy(`s3://${source}/team/data/a`, `${temporaryDirectory()}/a`);
			expectRefusal(await failure(reading, "AccessDenied"), "s3:GetObject", `${source}/team/data/a`);
			const dest = await without("s3:PutObject");
			const folder = temporaryDirectory();
			writeFileSync(join(folder, "a"), "alpha");
			for (const from of [join(folder, "a"), `s3://${dest}/team/data/a`]) {
				const writing = copy(from, `s3://${dest}/copy`);
				expectRefusal(await failure(writing, "AccessDenied"), "s3:PutObject", `${dest}/copy`);
			}
			expect(await server().openStore(dest).head("copy")).toBeUndefined();
		});
	});
});
