import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { json, startStub, type StubServer } from "../identity/stub-server.ts";
import { sandbox } from "./sandbox.ts";

let server: StubServer | undefined;

afterEach(async () => {
	await server?.close();
	server = undefined;
});

/** A catalog and its identity service; it accepts the code "code", and API keys. */
async function catalog(): Promise<StubServer> {
	const stub = await startStub(({ path, body, headers }) => {
		if (path === "/config.json") return json({ registryUrl: `${stub.origin}/registry`, region: "eu-west-1" });
		if (path === "/registry/api/token" && body === "refresh_token=code") {
			return json({ refresh_token: "r", access_token: "t", expires_at: Date.now() / 1000 + 3600 });
		}
		if (path === "/registry/api/auth/get_credentials" && headers.authorization !== "Bearer qk_wrong") {
			return json({
				AccessKeyId: "k",
				SecretAccessKey: "s",
				SessionToken: "x",
				Expiration: new Date(Date.now() + 3_600_000).toISOString(),
			});
		}
		if (path === "/registry/api/logout") return json({});
		return json({ message: "no" }, 401);
	});
	server = stub;
	return stub;
}

describe("bale config", () => {
	it("prints <None>, takes a catalog, prints it, and resets, as quilt3 does", async () => {
		const box = sandbox();
		const { origin } = await catalog();
		expect((await box.bale(["config"])).stdout).toBe("<None>\n");
		expect(existsSync(join(box.data, "config.yml"))).toBe(false);
		const dry = await box.json(["config", origin, "--dry-run"]);
		expect(dry["changed"]).toEqual(["navigator_url", "registryUrl", "region"]);
		expect(existsSync(join(box.data, "config.yml"))).toBe(false);
		await box.json(["config", "--set", `default_remote_registry=${box.registry}`]);
		const chosen = await box.bale(["config", `${origin}/`]);
		expect(chosen).toMatchObject({ code: 0, stdout: "" });
		expect((await box.bale(["config"])).stdout).toBe(`${origin}\n`);
		const { settings } = await box.json(["config"]);
		expect(settings).toMatchObject({
			navigator_url: origin,
			registryUrl: `${origin}/registry`,
			region: "eu-west-1",
			default_remote_registry: `file://${box.registry}`,
		});
		expect((await box.json(["config", ""]))["settings"]).toMatchObject({ navigator_url: null, region: null });
		expect((await box.bale(["config"])).stdout).toBe("<None>\n");
	});

	it("sets with --set, several at once, split at the first =", async () => {
		const box = sandbox();
		const env = { QUILT_DISABLE_USAGE_METRICS: "" };
		await box.json([
			"config",
			"--set",
			"navigator_url=http://127.0.0.1/?a=b",
			"region=eu-west-1",
			"--set",
			"telemetry_disabled=false",
		]);
		expect((await box.json(["config"], 0, { env }))["settings"]).toMatchObject({
			navigator_url: "http://127.0.0.1/?a=b",
			region: "eu-west-1",
			telemetry_disabled: false,
		});
		expect((await box.error(["config", "--set", "region"], 2)).code).toBe("InvalidArgument");
		expect((await box.error(["config", "--set", "navigator_url=nope"], 2)).code).toBe("InvalidConfig");
		expect((await box.error(["config", "http://127.0.0.1:1", "--set", "region=x"], 2)).code).toBe(
			"InvalidArgument",
		);
		expect((await box.error(["config", "http://127.0.0.1:1"], 15)).code).toBe("IdentityUnavailable");
		expect((await box.error(["config", "region"], 2)).hint).toContain("bale config get region");
	});

	it("gets, sets and unsets one setting, and warns of unknown ones", async () => {
		const box = sandbox();
		expect(await box.bale(["config", "get", "region"])).toMatchObject({ code: 0, stdout: "" });
		expect(await box.json(["config", "set", "region", "eu-west-1", "--dry-run"])).toMatchObject({
			dryRun: true,
			changed: ["region"],
		});
		expect((await box.bale(["config", "get", "region"])).stdout).toBe("");
		expect(await box.json(["config", "set", "region", "eu-west-1"])).toMatchObject({ changed: ["region"] });
		expect((await box.bale(["config", "get", "region"])).stdout).toBe("eu-west-1\n");
		expect(await box.json(["config", "set", "region", "eu-west-1"])).toMatchObject({ changed: [] });
		expect(await box.json(["config", "get", "region"])).toMatchObject({ value: "eu-west-1", origin: "file" });
		const folder = `file://${box.registry}`;
		await box.json(["config", "set", "default_local_registry", box.registry]);
		expect(await box.json(["config", "unset", "default_local_registry", "-n"])).toMatchObject({
			settings: { default_local_registry: `file://${box.data}/packages` },
		});
		expect(await box.json(["config", "get", "default_local_registry"])).toMatchObject({ value: folder });
		await box.json(["config", "unset", "region"]);
		expect(await box.json(["config", "get", "region"])).toMatchObject({ value: null });
		expect((await box.error(["config", "get", "regoin"], 2)).hint).toBe("Did you mean region?");
		expect((await box.error(["config", "set", "region", "a/b"], 2)).code).toBe("InvalidConfig");
		expect((await box.json(["config", "set", "my_key", "5"]))["warnings"]).toMatchObject([
			{ code: "ConfigUnknownKey" },
		]);
	});

	it("lists all settings with their origin", async () => {
		const box = sandbox();
		await box.json(["config", "set", "region", "eu-west-1"]);
		const env = { BALE_DEFAULT_REMOTE_REGISTRY: box.registry };
		const { stdout } = await box.bale(["config", "list", "--origin"], { env });
		expect(stdout).toContain(`region: eu-west-1  (file, ${box.data}/config.yml)`);
		expect(stdout).toContain(
			`default_remote_registry: file://${box.registry}  (environment, BALE_DEFAULT_REMOTE_REGISTRY)`,
		);
		expect(stdout).toContain("telemetry_disabled: true  (environment, QUILT_DISABLE_USAGE_METRICS)");
		expect((await box.json(["config", "list"]))["settings"]).toContainEqual({
			key: "region",
			value: "eu-west-1",
			origin: "file",
			source: join(box.data, "config.yml"),
		});
	});

	it("warns of a broken file instead of using it silently", async () => {
		const box = sandbox();
		box.folder("home/.local/share/Quilt", { "config.yml": "a: [" });
		for (const args of [["config", "list"], ["list"]]) {
			const { code, stderr } = await box.bale(args);
			expect(code).toBe(0);
			expect(stderr).toContain("warning: Ignored the settings in");
		}
	});

	it("has quilt3's config-default-remote-registry and disable-telemetry", async () => {
		const box = sandbox();
		await box.json(["config-default-remote-registry", "s3://some-bucket"]);
		await box.json(["disable-telemetry"]);
		const text = readFileSync(join(box.data, "config.yml"), "utf8");
		expect(text).toContain("default_remote_registry: s3://some-bucket\n");
		expect(text).toContain("telemetry_disabled: true\n");
		expect((await box.error(["config-default-remote-registry", "garbage"], 2)).code).toBe("InvalidConfig");
	});
});

describe("bale login, whoami, logout", () => {
	it("log in with a code, say who one is, and log out", async () => {
		const box = sandbox();
		const { origin, received } = await catalog();
		expect((await box.error(["login"], 2)).code).toBe("InvalidConfig");
		expect((await box.error(["whoami"], 12)).code).toBe("NotLoggedIn");
		await box.json(["config", origin]);
		expect(await box.json(["login", "--dry-run"])).toMatchObject({
			service: `${origin}/registry`,
			dryRun: true,
		});
		expect((await box.error(["login", "--no-browser"], 2)).code).toBe("InvalidArgument");
		expect((await box.error(["login", "--code", "wrong"], 12)).code).toBe("AccessDenied");
		expect(await box.json(["login", "--code", "code"])).toMatchObject({
			catalog: origin,
			method: "code",
			stored: true,
		});
		expect((await box.bale(["whoami"])).stdout).toBe(`${origin}\n`);
		expect(await box.json(["whoami"])).toMatchObject({ service: `${origin}/registry`, method: "login" });
		expect(readFileSync(join(box.data, "auth.json"), "utf8")).toContain(`${origin}/registry`);
		expect(await box.json(["logout", "-n"])).toMatchObject({ wasLoggedIn: true, dryRun: true });
		expect(await box.json(["logout"])).toMatchObject({ wasLoggedIn: true, revoked: [`${origin}/registry`] });
		expect(received.at(-1)?.path).toBe("/registry/api/logout");
		expect(await box.json(["logout"])).toMatchObject({ wasLoggedIn: false });
	});

	it("check an API key, which is never stored or printed", async () => {
		const box = sandbox();
		const { origin } = await catalog();
		await box.json(["config", origin]);
		const good = await box.bale(["login", "--api-key", "qk_good"]);
		expect(good.code).toBe(0);
		expect(good.stderr).toContain("BALE_API_KEY");
		expect(good.stderr + good.stdout).not.toContain("qk_good");
		expect(existsSync(join(box.data, "auth.json"))).toBe(false);
		const wrong = await box.bale(["login", "--api-key", "qk_wrong"]);
		expect(wrong.code).toBe(12);
		expect(wrong.stderr).not.toContain("qk_wrong");
		expect((await box.error(["login", "--api-key", "nonsense"], 2)).code).toBe("InvalidArgument");
		expect((await box.error(["login", "--api-key", "qk_a", "--code", "b"], 2)).code).toBe("InvalidArgument");
		const env = { QUILT_API_KEY: "qk_good" };
		expect(await box.json(["whoami"], 0, { env })).toMatchObject({ catalog: origin, method: "api-key" });
	});

	it("say when a service could not be told of the logout", async () => {
		const box = sandbox();
		const { origin, close } = await catalog();
		await box.json(["config", origin]);
		await box.json(["login", "--code", "code"]);
		await close();
		server = undefined;
		const document = await box.json(["logout"]);
		expect(document).toMatchObject({
			unconfirmed: [`${origin}/registry`],
			warnings: [{ code: "LogoutUnconfirmed" }],
		});
	});
});
