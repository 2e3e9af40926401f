/** Keys that may do some things and not others: which action was refused on what is said, and nothing is half done. */
import { describe, expect, test, vi } from "vitest";
import {
	deletePackage,
	listPackages,
	listPackageVersions,
	Package,
	pushPackage,
	type BaleError,
} from "../../src/index.ts";
import { failure } from "../client/support/failure.ts";
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

		/** A bucket with a package, and the environment of someone who may do all but `action` there. */
		const without = async (action: string | RegExp): Promise<string> => {
			const bucket = await server().makeBucket({ versions: true });
			await pushPackage(await made("first"), "team/data", { registry: `s3://${bucket}` });
			const actions = every.filter((name) =>
				typeof action === "string" ? name !== action : !action.test(name),
			);
			const keys = await limitedKeys(server(), bucket, actions);
			vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
			vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
			vi.stubEnv("AWS_SESSION_TOKEN", keys.sessionToken ?? "");
			return bucket;
		};
		const expectRefusal = (error: BaleError, action: string, resource: string): void => {
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
	});
});
