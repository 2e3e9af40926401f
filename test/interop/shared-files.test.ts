/** Settings and login files that bale and the real quilt3 share. Each quilt3 step is a new process, as a user's would be. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeMachine, type Machine } from "../identity/machine.ts";
import { json, startStub, type StubServer } from "../identity/stub-server.ts";
import { interpreter } from "./quilt3.ts";

let machine: Machine;
let server: StubServer;

beforeEach(async () => {
	machine = await makeMachine();
	server = await startStub(({ path, body }) => {
		if (path === "/config.json")
			return json({ registryUrl: `${server.origin}/registry`, region: "eu-west-1" });
		if (path === "/registry/api/token") {
			const from = new URLSearchParams(body).get("refresh_token") ?? "";
			const expires_at = Math.floor(Date.now() / 1000) + 3600;
			return json({ refresh_token: `refresh-${from}`, access_token: `access-${from}`, expires_at });
		}
		if (path === "/registry/api/auth/get_credentials") {
			const Expiration = new Date(Date.now() + 3_600_000).toISOString();
			return json({ AccessKeyId: "AK", SecretAccessKey: "SK", SessionToken: "ST", Expiration });
		}
		return json({}, 404);
	});
});
afterEach(async () => {
	await server.close();
	await machine.remove();
});

/** Runs Python with quilt3 imported; the value of the last line's `print(json.dumps(…))`. */
async function quilt3(code: string): Promise<unknown> {
	const script = `import json, quilt3\nfrom quilt3 import session\n${code}`;
	const { stdout } = await promisify(execFile)(interpreter(), ["-W", "ignore", "-c", script], {
		env: { ...process.env, ...machine.env, QUILT_DISABLE_USAGE_METRICS: "true", PYTHONUTF8: "1" },
	});
	return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}

describe("config.yml", () => {
	it("written by bale is read by quilt3, and the other way round", async () => {
		await machine.newIdentity().config({ defaultRemoteRegistry: "s3://a-bucket", region: "no" });
		const seen = await quilt3("print(json.dumps(dict(quilt3.config())))");
		expect(seen).toMatchObject({ default_remote_registry: "s3://a-bucket", region: "no" });

		await quilt3(
			"quilt3.config(default_remote_registry='s3://b-bucket', telemetry_disabled=True)\nprint('null')",
		);
		const config = await machine.newIdentity().config();
		expect(config).toMatchObject({
			defaultRemoteRegistry: "s3://b-bucket",
			telemetryDisabled: true,
			region: "no",
		});
	});
});

describe("a login", () => {
	it("with bale is one with quilt3", async () => {
		await machine.newIdentity().config(server.origin);
		await machine.newIdentity().login({ code: "code" });
		const seen = await quilt3(
			"c = session.create_botocore_session().get_credentials().get_frozen_credentials()\n" +
				"print(json.dumps([quilt3.logged_in(), c.access_key, c.token]))",
		);
		expect(seen).toEqual([server.origin, "AK", "ST"]);
	});

	it("with quilt3 is one with bale, and its end too", async () => {
		const seen = await quilt3(
			`quilt3.config(${JSON.stringify(server.origin)})\n` +
				"session.login_with_token('pasted')\nprint(json.dumps(quilt3.logged_in()))",
		);
		expect(seen).toBe(server.origin);
		const identity = machine.newIdentity();
		expect(await identity.loggedIn()).toBe(server.origin);
		const credentials = await identity.getCredentialProvider({ fallback: false })();
		expect(credentials).toMatchObject({ accessKeyId: "AK", secretAccessKey: "SK", sessionToken: "ST" });
		expect(server.received.at(-1)?.headers.authorization).toBe("Bearer access-pasted");

		await machine.newIdentity().logout();
		expect(await quilt3("print(json.dumps(quilt3.logged_in()))")).toBeNull();
	});
});
