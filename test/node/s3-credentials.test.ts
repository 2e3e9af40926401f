import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { parseSections, readProfile } from "../../src/node/aws-profile.ts";
import { cachedCredentials, credentialSource, findCredentials } from "../../src/node/s3-credentials.ts";
import { openS3, s3Settings } from "../../src/node/s3-open.ts";
import { temporaryDirectory } from "../support/temporary.ts";

type Files = { readonly config?: string; readonly credentials?: string };

/** An environment whose AWS files have these texts, and whose machine has no role. */
function environment(files: Files = {}, more: Record<string, string> = {}): Record<string, string> {
	const directory = join(temporaryDirectory(), ".aws");
	mkdirSync(directory);
	const env: Record<string, string> = {
		PATH: process.env["PATH"] ?? "",
		AWS_EC2_METADATA_DISABLED: "true",
		AWS_CONFIG_FILE: join(directory, "config"),
		AWS_SHARED_CREDENTIALS_FILE: join(directory, "credentials"),
		...more,
	};
	if (files.config !== undefined) writeFileSync(join(directory, "config"), files.config);
	if (files.credentials !== undefined) writeFileSync(join(directory, "credentials"), files.credentials);
	return env;
}

async function serve(
	answer: (method: string, url: string, token: string) => string | undefined,
): Promise<string> {
	const server: Server = createServer((request, response) => {
		const token = String(request.headers["x-aws-ec2-metadata-token"] ?? request.headers.authorization ?? "");
		const text = answer(request.method ?? "", request.url ?? "", token);
		response.statusCode = text === undefined ? 404 : 200;
		response.end(text);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onTestFinished(() => {
		server.close();
	});
	const address = server.address();
	if (address === null || typeof address === "string") throw new Error("no port");
	return `http://127.0.0.1:${address.port}`;
}

beforeEach(() => {
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
});

describe("parseSections()", () => {
	test("reads profiles, comments, nested values and quoted names", () => {
		const sections = parseSections(
			'# comment\nlost = 1\n[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n\n[profile  "a b" ]\n' +
				"; comment\nREGION=us-west-2\n[services local]\ns3 =\n\tendpoint_url = http://localhost:1\n",
		);
		expect(Object.fromEntries(sections.get("default") ?? [])).toEqual({
			region: "eu-west-1",
			s3: "",
			"s3.addressing_style": "path",
		});
		expect(sections.get("profile a b")?.get("region")).toBe("us-west-2");
		expect(sections.get("services local")?.get("s3.endpoint_url")).toBe("http://localhost:1");
	});
});

describe("s3Settings()", () => {
	const config =
		"[default]\nregion = eu-west-1\nendpoint_url = http://general\n[profile other]\nregion = ap-south-1\n" +
		"services = local\ns3 =\n  addressing_style = virtual\n[services local]\ns3 =\n  endpoint_url = http://special\n";

	test.each([
		[{}, { region: "eu-west-1", endpoint: "http://general", addressing: undefined }],
		[{ AWS_PROFILE: "other" }, { region: "ap-south-1", endpoint: "http://special", addressing: "virtual" }],
		[
			{ AWS_REGION: "us-west-1", AWS_DEFAULT_REGION: "us-west-2", AWS_ENDPOINT_URL: "http://url" },
			{ region: "us-west-1", endpoint: "http://url", addressing: undefined },
		],
		[
			{ AWS_DEFAULT_REGION: "us-west-2", AWS_ENDPOINT_URL: "http://url", AWS_ENDPOINT_URL_S3: "http://s3" },
			{ region: "us-west-2", endpoint: "http://s3", addressing: undefined },
		],
		[
			{ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true", AWS_ENDPOINT_URL: "http://url" },
			{ region: "eu-west-1", endpoint: undefined, addressing: undefined },
		],
	])("with %j is %j", async (more, settings) => {
		const env = environment({ config }, more);
		expect(s3Settings(env, await readProfile(env))).toEqual(settings);
	});
});

describe("findCredentials()", () => {
	const files = {
		credentials:
			"[default]\naws_access_key_id = file\naws_secret_access_key = s\n[other]\naws_access_key_id = o\naws_secret_access_key = s\naws_session_token = t\n",
	};

	test("finds nothing where there is nothing", async () => {
		expect(await findCredentials(environment())).toBeUndefined();
	});

	test("takes the environment before the files, and the profile that is named", async () => {
		const variables = { AWS_ACCESS_KEY_ID: "env", AWS_SECRET_ACCESS_KEY: "s" };
		expect(await findCredentials(environment(files, variables))).toEqual({
			accessKeyId: "env",
			secretAccessKey: "s",
		});
		expect(await findCredentials(environment(files))).toMatchObject({ accessKeyId: "file" });
		expect(await findCredentials(environment(files, { AWS_PROFILE: "other" }))).toEqual({
			accessKeyId: "o",
			secretAccessKey: "s",
			sessionToken: "t",
		});
	});

	test("runs the program of credential_process", async () => {
		const answer = { Version: 1, AccessKeyId: "p", SecretAccessKey: "s", Expiration: "2030-01-01T00:00:00Z" };
		const script = join(temporaryDirectory(), "keys.js");
		writeFileSync(script, `console.log(${JSON.stringify(JSON.stringify(answer))})`);
		const program = `"${process.execPath}" "${script}"`;
		expect(
			await findCredentials(environment({ config: `[default]\ncredential_process = ${program}\n` })),
		).toEqual({
			accessKeyId: "p",
			secretAccessKey: "s",
			expiration: new Date("2030-01-01T00:00:00Z"),
		});
		const failing = environment({
			config: `[default]\ncredential_process = "${process.execPath}" -e "process.exit(3)"\n`,
		});
		await expect(findCredentials(failing)).rejects.toMatchObject({ code: "AccessDenied" });
	});

	test("asks the container, with its token", async () => {
		const url = await serve((_method, path, token) =>
			path === "/keys" && token === "word"
				? '{"AccessKeyId":"c","SecretAccessKey":"s","Token":"t"}'
				: undefined,
		);
		const env = environment({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/keys` });
		const token = { AWS_CONTAINER_AUTHORIZATION_TOKEN: "word" };
		expect(await findCredentials({ ...env, ...token })).toMatchObject({
			accessKeyId: "c",
			sessionToken: "t",
		});
		expect(await findCredentials(env)).toBeUndefined();
		const elsewhere = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://example.com/keys" };
		await expect(findCredentials(environment({}, elsewhere))).rejects.toMatchObject({
			code: "InvalidConfig",
		});
	});

	test("asks the instance, in the second version of its service", async () => {
		const base = "/latest/meta-data/iam/security-credentials/";
		const url = await serve((method, path, token) => {
			if (method === "PUT" && path === "/latest/api/token") return "word";
			if (token !== "word") return undefined;
			if (path === base) return "role\n";
			return path === `${base}role` ? '{"AccessKeyId":"i","SecretAccessKey":"s","Token":"t"}' : undefined;
		});
		const service = { AWS_EC2_METADATA_SERVICE_ENDPOINT: url, AWS_EC2_METADATA_DISABLED: "false" };
		expect(await findCredentials(environment({}, service))).toMatchObject({ accessKeyId: "i" });
	});
});

describe("cachedCredentials()", () => {
	const keys = (accessKeyId: string, expiresAt?: number) => ({
		accessKeyId,
		secretAccessKey: "s",
		...(expiresAt === undefined ? {} : { expiration: new Date(expiresAt) }),
	});

	/** A source whose keys expire at these times, one after the other. */
	function sourceOf(expirations: readonly (number | undefined)[], options: { keepMs?: number } = {}) {
		const clock = { time: 0, asked: 0 };
		const source = cachedCredentials(
			() => {
				const expiration = expirations[clock.asked];
				return Promise.resolve(keys(String(++clock.asked), expiration));
			},
			{ ...options, now: () => clock.time },
		);
		const ask = async (time: number, refresh = false): Promise<string | undefined> => {
			clock.time = time;
			return (await source({ refresh }))?.accessKeyId;
		};
		return { clock, ask };
	}
	const minutes = 60_000;

	test("asks once in the life of a process for keys that do not expire, and again when told to", async () => {
		const { clock, ask } = sourceOf([]);
		expect(await Promise.all([ask(0), ask(0), ask(0)])).toEqual(["1", "1", "1"]);
		expect(await ask(1_000_000 * minutes)).toBe("1");
		expect(await ask(1_000_000 * minutes, true)).toBe("2");
		expect(clock.asked).toBe(2);
	});

	test("asks again five minutes before keys expire, once for many requests", async () => {
		const { clock, ask } = sourceOf([60 * minutes, 120 * minutes]);
		await ask(0);
		expect(await ask(55 * minutes - 1)).toBe("1");
		expect(await Promise.all([ask(55 * minutes), ask(55 * minutes)])).toEqual(["2", "2"]);
		expect(await ask(110 * minutes)).toBe("2");
		expect(clock.asked).toBe(2);
	});

	test("asks for keys that last less than five minutes every half minute, and never gives expired ones", async () => {
		const { ask } = sourceOf([4 * minutes, 0.6 * minutes, 9 * minutes]);
		expect(await ask(0)).toBe("1");
		expect(await ask(29_000)).toBe("1");
		expect(await ask(30_000)).toBe("2");
		expect(await ask(37_000)).toBe("3");
	});

	test("asks every half minute where there are no keys, and for a login", async () => {
		let asked = 0;
		let time = 0;
		const none = cachedCredentials(() => Promise.resolve((asked++, undefined)), { now: () => time });
		await none({ refresh: false });
		time = 29_000;
		await none({ refresh: false });
		expect(asked).toBe(1);
		time = 30_000;
		await none({ refresh: false });
		expect(asked).toBe(2);
		const login = sourceOf([], { keepMs: 30_000 });
		expect([await login.ask(0), await login.ask(29_000), await login.ask(30_000)]).toEqual(["1", "1", "2"]);
	});

	test("keeps no failure, and uses keys that cannot be renewed until they expire", async () => {
		let time = 0;
		const answers = [new Error("no"), keys("1", 10 * minutes), new Error("away"), new Error("away")];
		const source = cachedCredentials(
			() => {
				const next = answers.shift();
				return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
			},
			{ now: () => time },
		);
		await expect(source({ refresh: false })).rejects.toThrow("no");
		expect((await source({ refresh: false }))?.accessKeyId).toBe("1");
		time = 6 * minutes;
		expect((await source({ refresh: false }))?.accessKeyId).toBe("1");
		time = 10 * minutes;
		await expect(source({ refresh: false })).rejects.toThrow("away");
	});
});

test("credentialSource() asks a program for keys once, and a named profile for no others", async () => {
	const directory = temporaryDirectory();
	const script = join(directory, "keys.js");
	const answer = JSON.stringify({ Version: 1, AccessKeyId: "p", SecretAccessKey: "s" });
	const log = join(directory, "calls");
	writeFileSync(
		script,
		`require("fs").appendFileSync(${JSON.stringify(log)}, "x"); console.log(${JSON.stringify(answer)})`,
	);
	const program = `"${process.execPath}" "${script}"`;
	const env = environment(
		{ config: `[profile tool]\ncredential_process = ${program}\n[profile empty]\nregion = x\n` },
		{ AWS_ACCESS_KEY_ID: "env", AWS_SECRET_ACCESS_KEY: "s" },
	);
	const source = credentialSource(env, "tool");
	expect(await source({ refresh: false })).toMatchObject({ accessKeyId: "p" });
	expect(await source({ refresh: false })).toMatchObject({ accessKeyId: "p" });
	expect(readFileSync(log, "utf8")).toBe("x");
	expect(await credentialSource(env)({ refresh: false })).toMatchObject({ accessKeyId: "env" });
	await expect(credentialSource(env, "empty")({ refresh: false })).rejects.toMatchObject({
		code: "InvalidConfig",
		details: { profile: "empty" },
	});
});

test("openS3() gives one store for one place and environment, and refuses what is no bucket", async () => {
	const env = environment();
	expect(await openS3("s3://data", env)).toBe(await openS3("s3://data/", { ...env }));
	expect(await openS3("s3://data", { ...env, AWS_REGION: "x" })).not.toBe(await openS3("s3://data", env));
	expect((await openS3("s3://data/some/where", env)).root).toEqual({
		kind: "s3",
		bucket: "data",
		key: "some/where",
	});
	await expect(openS3("s3://data/x?versionId=1", env)).rejects.toMatchObject({ code: "InvalidUrl" });
	await expect(openS3("file:///data", env)).rejects.toMatchObject({ code: "InvalidUrl" });
});
