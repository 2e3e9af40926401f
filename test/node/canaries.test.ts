/** Secrets are in no error, no message, no file and no output, whatever goes wrong and whatever a server repeats. */
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { BaleError } from "../../src/core/errors.ts";
import { config } from "../../src/node/identity.ts";
import { findCredentials } from "../../src/node/s3-credentials.ts";
import { openS3 } from "../../src/node/s3-open.ts";
import type { S3Store } from "../../src/storage/s3/s3-store.ts";
import { runCli } from "../support/cli.ts";
import { listen, startProxy } from "../support/proxy.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const secret = "CANARY-secret/key+of=bale";
const token = "CANARY-session/token+of=bale==";
/** Also as they would look in a URL. */
const canary = /CANARY/i;

/** Everything that anybody could print of an error. */
function shown(error: unknown): string {
	const { message, stack, hint, details, cause } = error as BaleError;
	return [
		String(error),
		JSON.stringify(error),
		JSON.stringify([message, stack, hint, details]),
		inspect(error, { depth: Infinity, showHidden: true }),
		inspect(cause, { depth: Infinity, showHidden: true }),
	].join("\n");
}

async function expectSilence(work: Promise<unknown>): Promise<BaleError> {
	const error: unknown = await work.then(
		() => undefined,
		(caught: unknown) => caught,
	);
	expect(error).toBeInstanceOf(BaleError);
	expect(shown(error)).not.toMatch(canary);
	return error as BaleError;
}

/** Texts of all files below a directory. */
function filesBelow(directory: string): string[] {
	return readdirSync(directory, { recursive: true, encoding: "utf8" })
		.map((name) => join(directory, name))
		.filter((path) => statSync(path).isFile())
		.map((path) => `${path}\n${readFileSync(path, "latin1")}`);
}

type Answer = (headers: IncomingHttpHeaders, url: string) => readonly [status: number, body: string];

async function serve(answer: Answer): Promise<string> {
	const server = createServer((request, response) => {
		request.resume().on("end", () => {
			const [status, body] = answer(request.headers, request.url ?? "");
			response.writeHead(status, { "retry-after": "0" }).end(request.method === "HEAD" ? "" : body);
		});
	});
	return `http://127.0.0.1:${await listen(server)}`;
}

/** An error document that repeats all that was sent. */
function echo(code: string, headers: IncomingHttpHeaders): string {
	const all = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
	return `<Error><Code>${code}</Code><Message>You sent ${all.join(", ")}, with ${secret}</Message><Token-0>${token}</Token-0></Error>`;
}

let data: string;

beforeEach(() => {
	data = temporaryDirectory();
	vi.stubEnv("XDG_DATA_HOME", data);
	vi.stubEnv("XDG_CACHE_HOME", join(data, "cache"));
	vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
	vi.stubEnv("AWS_SESSION_TOKEN", token);
	vi.stubEnv("AWS_CONFIG_FILE", "/nowhere");
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});

async function openAt(endpoint: string): Promise<S3Store> {
	vi.stubEnv("AWS_ENDPOINT_URL_S3", endpoint);
	return openS3("s3://data");
}

const operations: Readonly<Record<string, (store: S3Store) => Promise<unknown>>> = {
	get: async (store) => (await store.get("a"))?.body.cancel(),
	put: (store) => store.put("a", new Uint8Array(3)),
	"put in parts": (store) => store.put("a", new Uint8Array(9 * 1024 * 1024)),
	"put on a condition": (store) => store.put("a", new Uint8Array(3), { condition: { ifEtag: '"x"' } }),
	copyFrom: (store) => store.copyFrom({ bucket: "data", key: "b", service: store.service }, "a"),
	delete: (store) => store.delete("a"),
	list: (store) => store.list("").next(),
	listVersions: (store) => store.listVersions("").next(),
	listUploads: (store) => store.listUploads().next(),
};

describe("errors of requests to buckets", () => {
	const refusals = [
		[400, "Strange"],
		[400, "InvalidToken"],
		[400, "ExpiredToken"],
		[400, "KMS.DisabledException"],
		[403, "AccessDenied"],
		[403, "SignatureDoesNotMatch"],
		[403, "InvalidAccessKeyId"],
		[409, "Strange"],
		[418, "Strange"],
		[501, "NotImplemented"],
		[507, "Strange"],
	] as const;

	test.each(Object.keys(operations))("%s: none repeats a secret that the server repeats", async (name) => {
		for (const [status, code] of refusals) {
			const store = await openAt(await serve((headers) => [status, echo(code, headers)]));
			const outcome = await operations[name]?.(store).then(
				() => undefined,
				(error: unknown) => error,
			);
			// Where a refusal is no error (a copy that must take another way), there is nothing to look at.
			if (outcome !== undefined) expect(shown(outcome), code).not.toMatch(canary);
		}
	});

	test("nor one in the code of an answer, or in what is no document", async () => {
		const inCode = await openAt(await serve(() => [400, `<Error><Code>${token}</Code></Error>`]));
		await expectSilence(inCode.put("a", new Uint8Array(3)));
		const broken = await openAt(await serve((headers) => [200, `<x>${echo("y", headers)}`]));
		await expectSilence(broken.list("").next());
	});

	test("nor when nobody answers, a proxy refuses, or a token cannot be sent", async () => {
		vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
		const away = await openAt("http://127.0.0.1:9");
		await expectSilence(away.get("a"));
		const proxy = await startProxy({ login: "user:right" });
		vi.stubEnv("HTTPS_PROXY", proxy.url.replace("//", "//user:CANARY@"));
		await expectSilence((await openAt("https://127.0.0.1:9")).get("a"));
		vi.stubEnv("HTTPS_PROXY", "");
		vi.stubEnv("AWS_SESSION_TOKEN", `${token}\n${token}`);
		const unsendable = await openAt(await serve(() => [200, ""]));
		await expectSilence(unsendable.get("a"));
	});
});

describe("errors of looking for keys", () => {
	function withConfig(text: string): Record<string, string> {
		const path = join(temporaryDirectory(), "config");
		writeFileSync(path, text);
		return { PATH: process.env["PATH"] ?? "", AWS_CONFIG_FILE: path, AWS_EC2_METADATA_DISABLED: "true" };
	}
	const program = (code: string) => `[default]\ncredential_process = "${process.execPath}" -e "${code}"\n`;

	test("do not repeat what a program printed", async () => {
		for (const code of [
			`console.log('${secret}')`,
			`console.error('${secret}'); process.exit(1)`,
			`console.log(JSON.stringify({ SecretAccessKey: '${secret}' }))`,
		]) {
			await expectSilence(findCredentials(withConfig(program(code))));
		}
	});

	test("do not repeat what a profile holds", async () => {
		const keys = `aws_secret_access_key = ${secret}\naws_session_token = ${token}\n`;
		await expectSilence(
			findCredentials(withConfig(`[default]\nrole_arn = r\nsource_profile = b\n[profile b]\n${keys}`)),
		);
		await expectSilence(
			findCredentials(withConfig(`[default]\nrole_arn = r\nmfa_serial = m\naws_access_key_id = a\n${keys}`)),
		);
		const loop = `[default]\nrole_arn = r\nsource_profile = b\n${keys}[profile b]\nrole_arn = r\nsource_profile = default\n`;
		await expectSilence(findCredentials(withConfig(loop)));
	});

	test("do not repeat what a service answers", async () => {
		const url = await serve((headers) => [403, echo("AccessDenied", headers)]);
		const keys = `aws_access_key_id = a\naws_secret_access_key = ${secret}\naws_session_token = ${token}\n`;
		const role = `[default]\nrole_arn = r\nsource_profile = b\n[profile b]\n${keys}`;
		await expectSilence(findCredentials({ ...withConfig(role), AWS_ENDPOINT_URL_STS: url }));
	});
});

test("the command prints no secret, in no form, and writes none to any file", async () => {
	const home = temporaryDirectory();
	const folder = temporaryDirectory();
	writeFileSync(join(folder, "small"), "x");
	writeFileSync(join(folder, "large"), new Uint8Array(9 * 1024 * 1024));
	const answers: readonly Answer[] = [
		(headers) => [403, echo("AccessDenied", headers)],
		(headers, url) =>
			url.includes("large") ? [403, echo("Strange", headers)] : [404, echo("NoSuchKey", headers)],
		(headers) => [400, echo("Strange", headers)],
	];
	for (const answer of answers) {
		const env = {
			AWS_ENDPOINT_URL_S3: await serve(answer),
			AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
			AWS_SECRET_ACCESS_KEY: secret,
			AWS_SESSION_TOKEN: token,
			AWS_EC2_METADATA_DISABLED: "true",
		};
		for (const args of [
			["push", "ann/cats", "--dir", folder, "--registry", "s3://data", "--debug"],
			["push", "ann/cats", "--dir", folder, "--registry", "s3://data", "--json"],
			["list", "--registry", "s3://data", "--debug", "--json"],
			["doctor", "--registry", "s3://data"],
			["config", "registry", "s3://data", "--region", "x", "--json"],
			["config", "list", "--origin"],
		]) {
			const { stdout, stderr } = await runCli(args, { home, cwd: folder, env });
			expect(`${stdout}${stderr}`).not.toMatch(canary);
		}
	}
	for (const text of filesBelow(home)) expect(text).not.toMatch(canary);
}, 120_000);

test("what is recorded of uploads and buckets holds no secret", async () => {
	const store = await openAt(
		await serve((headers, url) => [url.includes("partNumber") ? 500 : 200, echo("x", headers)]),
	);
	await config({ registries: { "s3://other": { region: "x" } } });
	await store.put("a", new Uint8Array(3));
	const parts = await openAt(
		await serve((_headers, url) =>
			url.includes("uploads=")
				? [200, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"]
				: [403, ""],
		),
	);
	await expectSilence(parts.put("large", new Uint8Array(9 * 1024 * 1024)));
	const texts = filesBelow(data);
	expect(texts.length).toBeGreaterThan(0);
	for (const text of texts) expect(text).not.toMatch(canary);
});
