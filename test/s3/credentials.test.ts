/** Keys that are missing or wrong: what is wrong with them is said, and what to do. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
	config,
	installPackage,
	listPackages,
	Package,
	pushPackage,
	type BaleError,
} from "../../src/index.ts";
import { failure } from "../client/support/failure.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const made = (): Promise<Package> => new Package().set("a", new TextEncoder().encode("alpha"));
const first = (items: AsyncIterable<string>): Promise<unknown> => items[Symbol.asyncIterator]().next();

onEachServer((server, kind) => {
	let home: string;
	let registry: string;
	beforeEach(async () => {
		home = temporaryDirectory();
		vi.stubEnv("HOME", home);
		vi.stubEnv("USERPROFILE", home);
		registry = `s3://${await server().makeBucket()}`;
	});

	/** Verbs that fail with the first request, and what that asks for. */
	const verbs = {
		browse: ["s3:GetObject", () => Package.browse("team/data", { registry })],
		install: ["s3:GetObject", () => installPackage("team/data", { registry, dest: temporaryDirectory() })],
		// Asks by HEAD, whose answer has no words.
		set: ["s3:GetObject", () => new Package().set("k", `${registry}/k`)],
		list: ["s3:ListBucket", () => first(listPackages(registry))],
		push: ["s3:GetObject", async () => pushPackage(await made(), "team/data", { registry })],
	} satisfies Record<string, readonly [action: string, work: () => Promise<unknown>]>;
	const each = async (
		check: (error: BaleError, action: string) => void,
		chosen: Partial<typeof verbs> = verbs,
	): Promise<void> => {
		for (const [action, work] of Object.values(chosen)) check(await failure(work(), "AccessDenied"), action);
	};

	test("none at all is said, with where they are looked for", async () => {
		vi.stubEnv("AWS_ACCESS_KEY_ID", "");
		await each(({ message, hint }, action) => {
			expect(message).toContain(`the action ${action} on arn:aws:s3:::${registry.slice(5)}`);
			expect(message).toContain("there are no keys to sign the request with");
			expect(hint).toContain("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
			expect(hint).toContain(`${join(home, ".aws", "config")} or ${join(home, ".aws", "credentials")}`);
			expect(hint).toContain("AWS_PROFILE");
			expect(hint).toContain("bale login");
		});
	});

	test("a bucket that is set to be used without keys says so", async () => {
		await config({ registries: { [registry]: { anonymous: true } } });
		await each(({ hint }) => {
			expect(hint).toContain(`bale config registry ${registry} --unset anonymous`);
		});
	});

	test.each(["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])(
		"%s that names no profile is InvalidConfig",
		async (name) => {
			vi.stubEnv("AWS_ACCESS_KEY_ID", "");
			vi.stubEnv(name, "nobody");
			for (const exists of [false, true]) {
				if (exists) {
					mkdirSync(join(home, ".aws"));
					writeFileSync(join(home, ".aws", "credentials"), "[somebody]\naws_access_key_id = a\n");
				}
				for (const [, work] of Object.values(verbs)) {
					const { message, hint, details } = await failure(work(), "InvalidConfig");
					expect(message).toContain(`${name} names a profile that is not there: "nobody"`);
					expect(hint).toContain(join(home, ".aws", "credentials"));
					expect(hint).toContain("--anonymous");
					expect(details["files"]).toEqual(["config", "credentials"].map((file) => join(home, ".aws", file)));
				}
			}
			expect(existsSync(join(home, ".aws", "config"))).toBe(false);
		},
	);

	test("a profile without keys, and one that is not asked for, are no mistake", async () => {
		mkdirSync(join(home, ".aws"));
		writeFileSync(join(home, ".aws", "config"), "[profile plain]\nregion = us-east-1\n");
		vi.stubEnv("AWS_PROFILE", "nobody");
		await expect(first(listPackages(registry))).resolves.toMatchObject({ done: true });
		vi.stubEnv("AWS_ACCESS_KEY_ID", "");
		vi.stubEnv("AWS_PROFILE", "plain");
		await each(({ hint }) => expect(hint).toContain("AWS_ACCESS_KEY_ID"));
	});

	describe("refused by the server", () => {
		test("a wrong secret is told from a wrong ID", async () => {
			vi.stubEnv("AWS_SECRET_ACCESS_KEY", "x".repeat(40));
			await each(({ message, hint }) => {
				expect(message).toContain("the secret access key does not belong to the access key ID");
				expect(hint).toBe("Check the secret access key");
			});
			vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000000");
			// versitygw answers 404 to a key that it does not know: without the words of an answer to GET, that is an object which is not there.
			const { set, ...others } = verbs;
			if (kind.name === "versitygw") await failure(set[1](), "ObjectNotFound");
			await each(
				({ message, hint }) => {
					expect(message).toContain("does not know the access key ID");
					expect(hint).toContain("Check the access key ID");
				},
				kind.name === "versitygw" ? others : verbs,
			);
		});
	});
});
