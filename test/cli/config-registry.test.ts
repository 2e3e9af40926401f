import { existsSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { addressings, encryptions, registrySettingNames } from "../../src/core/registry-setting-names.ts";
import { settingsCommands } from "../../src/cli/table/settings.ts";
import { sandbox } from "./sandbox.ts";

const nothing = Object.fromEntries(registrySettingNames.map((name) => [name, null]));

describe("bale config registry", () => {
	it("sets, shows, unsets and forgets, each as a whole", async () => {
		const box = sandbox();
		const file = String((await box.json(["config", "registry"]))["path"]);
		const args = ["config", "registry", "s3://lab", "--endpoint", "https://storage.example.com/"];
		expect(await box.json([...args, "--dry-run"])).toMatchObject({ dryRun: true, changed: ["s3://lab"] });
		expect(existsSync(file)).toBe(false);
		const lab = { ...nothing, registry: "s3://lab", endpoint: "https://storage.example.com" };
		expect(await box.json(args)).toMatchObject({ changed: ["s3://lab"], registries: [lab] });
		expect(await box.json(args)).toMatchObject({ changed: [], registries: [lab] });
		await box.json(["config", "registry", "s3://a", "--anonymous", "--requester-pays"]);
		const more = ["--addressing", "virtual", "--encryption", "aws:kms", "--kms-key-id", "alias/k"];
		await box.json(["config", "registry", "s3://lab/prefix", ...more]);
		const full = { ...lab, addressing: "virtual", encryption: "aws:kms", kmsKeyId: "alias/k" };
		const open = { ...nothing, registry: "s3://a", anonymous: true, requesterPays: true };
		expect(await box.json(["config", "registry"])).toMatchObject({ changed: [], registries: [open, full] });
		expect((await box.bale(["config", "registry", "s3://lab"])).stdout).toBe(
			"s3://lab\n  endpoint: https://storage.example.com\n  addressing: virtual\n  encryption: aws:kms\n  kms-key-id: alias/k\n",
		);
		expect((await box.bale(["config", "registry", "-q"])).stdout).toBe("s3://a\ns3://lab\n");
		await box.json(["config", "registry", "s3://lab", "--unset", "kms-key-id", "--unset", "encryption"]);
		await box.json(["config", "registry", "s3://a", "--forget"]);
		expect(await box.json(["config", "registry"])).toMatchObject({
			registries: [{ ...lab, addressing: "virtual" }],
		});
		expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
			"s3://lab": { endpoint: "https://storage.example.com", addressing: "virtual" },
		});
	});

	it("offers every setting as an option with its values, and each of them can be unset", () => {
		const spec = settingsCommands.find(({ name }) => name === "config registry");
		const choicesOf = (option: string) => spec?.options.find(({ name }) => name === option)?.choices;
		const spelled = registrySettingNames.map((name) =>
			name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
		);
		expect(spec?.options.map(({ name }) => name)).toEqual([...spelled, "unset", "forget"]);
		expect(choicesOf("unset")).toEqual(spelled);
		expect(choicesOf("addressing")).toEqual(addressings);
		expect(choicesOf("encryption")).toEqual(encryptions);
	});

	it("changes nothing when something is wrong", async () => {
		const box = sandbox();
		const wrong = ["config", "registry", "s3://lab", "--region", "x"];
		expect(await box.error([...wrong, "--endpoint", "localhost:9000"], 2)).toMatchObject({
			code: "InvalidConfig",
			message: expect.stringContaining("https://") as string,
		});
		expect((await box.error([...wrong, "--kms-key-id", "k"], 2)).message).toContain("kmsKeyId");
		expect((await box.error([...wrong, "--unset", "region"], 2)).code).toBe("InvalidArgument");
		expect((await box.error([...wrong, "--forget"], 2)).code).toBe("InvalidArgument");
		expect((await box.error(["config", "registry", "--region", "x"], 2)).hint).toContain("s3://BUCKET");
		expect((await box.error(["config", "registry", box.registry], 2)).code).toBe("InvalidConfig");
		expect((await box.error(["config", "set", "registries", "x"], 2)).hint).toContain("bale config registry");
		expect((await box.error(["config", "unset", "registries"], 2)).hint).toContain("bale config registry");
		expect(await box.json(["config", "registry"])).toMatchObject({ registries: [] });
	});

	it("names a file that cannot be used, and leaves it alone", async () => {
		const box = sandbox();
		const file = String((await box.json(["config", "registry"]))["path"]);
		mkdirSync(dirname(file), { recursive: true });
		for (const text of ["{", "[]", '{"s3://a":{"endpoint":"x"}}', '{"/data":{}}']) {
			writeFileSync(file, text);
			for (const args of [
				["config", "registry"],
				["list", "--registry", "s3://a"],
			]) {
				expect((await box.error(args, 2)).code).toBe("InvalidConfig");
			}
			expect((await box.error(["config", "registry", "s3://a", "--anonymous"], 2)).code).toBe(
				"InvalidConfig",
			);
			expect(readFileSync(file, "utf8")).toBe(text);
		}
	});

	it("decides on which server an address is followed, whatever the address says", async () => {
		const box = sandbox();
		const address = "quilt+s3://lab?endpoint=http%3A%2F%2F127.0.0.1%3A9#package=ann/cats";
		const env = { AWS_ENDPOINT_URL_S3: "" };
		for (const args of [
			["show", address],
			["diff", "ann/cats", address],
			["install", address, "--dest", "x"],
		]) {
			const { code, hint } = await box.error(args, 2, { env });
			expect([code, hint]).toEqual([
				"InvalidConfig",
				"If you trust that server: bale config registry s3://lab --endpoint http://127.0.0.1:9",
			]);
		}
		await box.json(["config", "registry", "s3://lab", "--endpoint", "http://127.0.0.1:9/", "--anonymous"]);
		const { code, message } = await box.error(["show", address], 15, { env });
		expect([code, message]).toEqual([
			"StoreUnavailable",
			expect.stringContaining("http://127.0.0.1:9") as string,
		]);
	});
});
