/** Keys from the services of AWS, against servers that answer as the protocols say. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { findCredentials } from "../../src/node/s3-credentials.ts";
import { temporaryDirectory } from "../support/temporary.ts";

type Asked = {
	readonly method: string;
	readonly url: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
};
type Reply = { readonly status?: number; readonly text: string };

const canaries = ["SOURCE-SECRET", "SSO-TOKEN", "REFRESH-TOKEN", "CLIENT-SECRET", "WEB-TOKEN"];

async function serve(reply: (asked: Asked) => Reply): Promise<{ url: string; asked: Asked[] }> {
	const asked: Asked[] = [];
	const server = createServer((request, response) => {
		let body = "";
		request.setEncoding("utf8");
		request.on("data", (text: string) => (body += text));
		request.on("end", () => {
			const { method = "", url = "", headers } = request;
			const one = { method, url, headers, body };
			asked.push(one);
			const { status = 200, text } = reply(one);
			response.writeHead(status).end(text);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A home whose `.aws/config` has this text. */
function home(config: string, more: Record<string, string> = {}): Record<string, string> {
	const directory = temporaryDirectory();
	mkdirSync(join(directory, ".aws", "sso", "cache"), { recursive: true });
	writeFileSync(join(directory, ".aws", "config"), config);
	return {
		HOME: directory,
		USERPROFILE: directory,
		PATH: process.env["PATH"] ?? "",
		AWS_EC2_METADATA_DISABLED: "true",
		...more,
	};
}

function tokenFile(env: Record<string, string>, name: string): string {
	const digest = createHash("sha1").update(name).digest("hex");
	return join(env["HOME"] ?? "", ".aws", "sso", "cache", `${digest}.json`);
}

function inHours(hours: number): string {
	return new Date(Date.now() + hours * 3_600_000).toISOString();
}

function sts(action: string, id: string): Reply {
	return {
		text:
			`<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
			`<AccessKeyId>${id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>` +
			`<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></${action}Result></${action}Response>`,
	};
}

/** The error of `findCredentials`, which quotes no secret. */
async function failure(env: Record<string, string>): Promise<unknown> {
	const error: unknown = await findCredentials(env).catch((caught: unknown) => caught);
	const { message, stack, hint, details } = error as Error & { hint: string; details: unknown };
	const shown = JSON.stringify([message, stack, hint, details]);
	for (const canary of canaries) expect(shown).not.toContain(canary);
	return error;
}

beforeEach(() => {
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
});

describe("findCredentials() with a role", () => {
	const config =
		"[default]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = middle\nregion = eu-west-1\n" +
		"external_id = outside\nrole_session_name = ann\nduration_seconds = 900\n" +
		"[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = base\n" +
		"[profile base]\naws_access_key_id = SOURCE\naws_secret_access_key = SOURCE-SECRET\n";

	test("assumes it with the keys of its source, through other roles", async () => {
		const { url, asked } = await serve(({ body }) =>
			sts("AssumeRole", body.includes("middle") ? "MIDDLE" : "TOP"),
		);
		expect(await findCredentials(home(config, { AWS_ENDPOINT_URL_STS: url }))).toEqual({
			accessKeyId: "TOP",
			secretAccessKey: "s",
			sessionToken: "t",
			expiration: new Date("2030-01-01T00:00:00Z"),
		});
		expect(asked.map(({ headers }) => /Credential=(\w+)\//.exec(headers.authorization ?? "")?.[1])).toEqual([
			"SOURCE",
			"MIDDLE",
		]);
		expect(asked[1]?.headers.authorization).toContain("/eu-west-1/sts/aws4_request");
		expect(Object.fromEntries(new URLSearchParams(asked[1]?.body))).toEqual({
			Action: "AssumeRole",
			Version: "2011-06-15",
			RoleArn: "arn:aws:iam::1:role/top",
			RoleSessionName: "ann",
			ExternalId: "outside",
			DurationSeconds: "900",
		});
		expect(JSON.stringify(asked)).not.toContain("SOURCE-SECRET");
	});

	test("says what was refused, what leads in a circle and what wants a password", async () => {
		const { url } = await serve(() => ({
			status: 403,
			text: "<ErrorResponse><Error><Code>AccessDenied</Code><Message>SOURCE-SECRET</Message></Error></ErrorResponse>",
		}));
		const more = { AWS_ENDPOINT_URL_STS: url };
		expect(await failure(home(config, more))).toMatchObject({
			code: "AccessDenied",
			details: { status: 403, code: "AccessDenied", action: "sts:AssumeRole" },
		});
		expect(await failure(home(config.replace("= base", "= default"), more))).toMatchObject({
			code: "InvalidConfig",
		});
		expect(
			await failure(home(`${config}mfa_serial = x\n`.replace("ann\n", "ann\nmfa_serial = m\n"), more)),
		).toMatchObject({ code: "Unsupported", details: { setting: "mfa_serial" } });
		expect(await failure(home("[default]\nrole_arn = r\nsource_profile = none\n", more))).toMatchObject({
			code: "AccessDenied",
		});
	});

	test("takes the source from the environment of a container", async () => {
		const { url } = await serve(({ url: path }) =>
			path === "/keys"
				? { text: '{"AccessKeyId":"BOX","SecretAccessKey":"s","Token":"t"}' }
				: sts("AssumeRole", "ROLE"),
		);
		const env = home("[default]\nrole_arn = r\ncredential_source = EcsContainer\n", {
			AWS_ENDPOINT_URL_STS: url,
			AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/keys`,
		});
		expect(await findCredentials(env)).toMatchObject({ accessKeyId: "ROLE" });
	});

	test("uses the token of a web identity, unsigned, as variables or the profile say", async () => {
		const { url, asked } = await serve(() => sts("AssumeRoleWithWebIdentity", "WEB"));
		const token = join(temporaryDirectory(), "token");
		writeFileSync(token, "WEB-TOKEN\n");
		const variables = { AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ROLE_ARN: "arn:r" };
		const more = { AWS_ENDPOINT_URL: url };
		expect(await findCredentials(home("", { ...more, ...variables }))).toMatchObject({ accessKeyId: "WEB" });
		const profile = `[default]\nrole_arn = arn:p\nweb_identity_token_file = ${token}\n`;
		expect(await findCredentials(home(profile, more))).toMatchObject({ accessKeyId: "WEB" });
		expect(asked.map(({ body }) => new URLSearchParams(body).get("RoleArn"))).toEqual(["arn:r", "arn:p"]);
		expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
		expect(new URLSearchParams(asked[0]?.body).get("WebIdentityToken")).toBe("WEB-TOKEN");
		expect(await failure(home("", { AWS_WEB_IDENTITY_TOKEN_FILE: token }))).toMatchObject({
			code: "InvalidConfig",
		});
	});
});

describe("findCredentials() with single sign-on", () => {
	const account = "sso_account_id = 1\nsso_role_name = Reader\n";
	const session =
		`[profile work]\nsso_session = corp\n${account}` +
		"[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp\n";
	const legacy = `[profile work]\nsso_start_url = https://corp\nsso_region = eu-west-1\n${account}`;
	const keys = {
		text: JSON.stringify({
			roleCredentials: {
				accessKeyId: "SSO",
				secretAccessKey: "s",
				sessionToken: "t",
				expiration: 1_900_000_000_000,
			},
		}),
	};

	test.each([
		["a session", session, "corp"],
		["the older form", legacy, "https://corp"],
	])("exchanges the token of %s", async (_form, config, cacheName) => {
		const { url, asked } = await serve(() => keys);
		const env = home(config, { AWS_PROFILE: "work", AWS_ENDPOINT_URL: url });
		writeFileSync(
			tokenFile(env, cacheName),
			JSON.stringify({ accessToken: "SSO-TOKEN", expiresAt: inHours(2) }),
		);
		expect(await findCredentials(env)).toMatchObject({
			accessKeyId: "SSO",
			expiration: new Date(1_900_000_000_000),
		});
		expect(asked.map(({ url: path }) => path)).toEqual([
			"/federation/credentials?role_name=Reader&account_id=1",
		]);
		expect(asked[0]?.headers["x-amz-sso_bearer_token"]).toBe("SSO-TOKEN");
	});

	test("renews a token of a session and keeps the new one", async () => {
		const { url, asked } = await serve(({ url: path }) =>
			path === "/token" ? { text: '{"accessToken":"NEW","expiresIn":3600,"refreshToken":"NEXT"}' } : keys,
		);
		const env = home(session, { AWS_PROFILE: "work", AWS_ENDPOINT_URL: url });
		const old = {
			accessToken: "SSO-TOKEN",
			expiresAt: inHours(-1),
			clientId: "id",
			clientSecret: "CLIENT-SECRET",
			refreshToken: "REFRESH-TOKEN",
			registrationExpiresAt: inHours(24),
		};
		writeFileSync(tokenFile(env, "corp"), JSON.stringify(old));
		expect(await findCredentials(env)).toMatchObject({ accessKeyId: "SSO" });
		expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
			grantType: "refresh_token",
			clientId: "id",
			clientSecret: "CLIENT-SECRET",
			refreshToken: "REFRESH-TOKEN",
		});
		expect(asked[1]?.headers["x-amz-sso_bearer_token"]).toBe("NEW");
		const kept = JSON.parse(readFileSync(tokenFile(env, "corp"), "utf8")) as { expiresAt: string };
		expect(kept).toMatchObject({ accessToken: "NEW", refreshToken: "NEXT", clientId: "id" });
		expect(Date.parse(kept.expiresAt)).toBeGreaterThan(Date.now());
	});

	test("says how to log in when the token is missing, old or refused", async () => {
		const { url } = await serve(() => ({ status: 401, text: '{"message":"SSO-TOKEN"}' }));
		const env = home(session, { AWS_PROFILE: "work", AWS_ENDPOINT_URL: url });
		const expected = { code: "LoginExpired", hint: "Run: aws sso login --profile work" };
		expect(await failure(env)).toMatchObject(expected);
		for (const hours of [-1, 2]) {
			const token = { accessToken: "SSO-TOKEN", expiresAt: inHours(hours) };
			writeFileSync(tokenFile(env, "corp"), JSON.stringify(token));
			expect(await failure(env)).toMatchObject(expected);
		}
		const incomplete = home("[default]\nsso_session = corp\n", { AWS_ENDPOINT_URL: url });
		expect(await failure(incomplete)).toMatchObject({ code: "InvalidConfig" });
	});
});
