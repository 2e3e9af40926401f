import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import type { Machine } from "./machine.ts";
import { makeMachine } from "./machine.ts";
import type { Received, Reply, StubServer } from "./stub-server.ts";
import { json, startStub } from "./stub-server.ts";

let machine: Machine;
let stub: StubServer;
let other: StubServer;
/** Answers that a test wants instead of the usual ones, by path. */
let special: Map<string, (request: Received) => Reply | Promise<Reply>>;
let issued: number;

beforeEach(async () => {
	machine = await makeMachine();
	special = new Map();
	issued = 0;
	stub = await startStub((request) => {
		const answer = special.get(request.path);
		if (answer !== undefined) return answer(request);
		if (request.path.endsWith("/config.json"))
			return json({ registryUrl: `${stub.origin}/registry`, region: "eu-west-1" });
		if (request.path.endsWith("/api/token")) return json(tokens(3600));
		if (request.path.endsWith("/get_credentials")) return json(keys(3600));
		return json({});
	});
	other = await startStub(() => json({ ...tokens(3600), ...keys(3600) }));
});
afterEach(async () => {
	await stub.close();
	await other.close();
	await machine.remove();
});

const service = (): string => `${stub.origin}/registry`;

function tokens(life: number): { refresh_token: string; access_token: string; expires_at: number } {
	issued += 1;
	const number = String(issued);
	return {
		refresh_token: `refresh-canary-${number}`,
		access_token: `access-canary-${number}`,
		expires_at: machine.now / 1000 + life,
	};
}

function keys(life: number): Record<string, string> {
	return {
		AccessKeyId: `ASIA${String(issued)}`,
		SecretAccessKey: "secret-canary",
		SessionToken: "session-canary",
		Expiration: new Date(machine.now + life * 1000).toISOString(),
	};
}

async function logIn(): Promise<void> {
	const bale = machine.newIdentity();
	await bale.config(stub.origin);
	await bale.login({ code: "code-canary" });
	stub.received.length = 0;
}

async function storeTokens(life: number, at = service()): Promise<void> {
	await mkdir(machine.places.data, { recursive: true });
	await writeFile(join(machine.places.data, "auth.json"), JSON.stringify({ [at]: tokens(life) }));
}

async function failure(work: Promise<unknown>): Promise<unknown> {
	return work.then(
		() => undefined,
		(error: unknown) => error,
	);
}

/** Everything that a user or a log could see of an error. */
function visible(error: unknown): string {
	let text = "";
	for (let part = error; part instanceof Error; part = part.cause) {
		text += `${part.message} ${part.stack ?? ""} ${JSON.stringify(part)}`;
	}
	return text;
}

describe("tokens and other hosts", () => {
	it.each(["/registry/api/token", "/registry/api/auth/get_credentials"])(
		"login() follows no redirect of %s",
		async (path) => {
			const bale = machine.newIdentity();
			await bale.config(stub.origin);
			special.set(path, () => ({ status: 307, headers: { Location: `${other.origin}/stolen` } }));
			const error = await failure(bale.login({ code: "code-canary" }));
			expect(isBaleError(error, "IdentityUnavailable")).toBe(true);
			expect(other.received).toEqual([]);
			expect(visible(error)).not.toContain("canary");
		},
	);

	it("logout() follows no redirect", async () => {
		await logIn();
		special.set("/registry/api/logout", () => ({
			status: 307,
			headers: { Location: `${other.origin}/stolen` },
		}));
		const { unconfirmed } = await machine.newIdentity().logout();
		expect(unconfirmed).toEqual([service()]);
		expect(other.received).toEqual([]);
	});

	it("config() refuses a catalog that redirects to another host", async () => {
		special.set("/config.json", () => ({
			status: 302,
			headers: { Location: `${other.origin}/config.json` },
		}));
		const error = await failure(machine.newIdentity().config(stub.origin));
		expect(isBaleError(error, "InvalidConfig")).toBe(true);
		expect(other.received).toEqual([]);
		expect(await machine.files()).toEqual([]);
	});

	it("logout() tells every service about its own tokens only", async () => {
		await logIn();
		await machine.newIdentity().config({ registryUrl: other.origin });
		await machine.newIdentity().login({ code: "second" });
		stub.received.length = other.received.length = 0;
		const { revoked } = await machine.newIdentity().logout();
		expect(new Set(revoked)).toEqual(new Set([service(), other.origin]));
		expect(stub.received.map(({ headers }) => headers.authorization)).toEqual(["Bearer access-canary-1"]);
		expect(other.received.map(({ headers }) => headers.authorization)).toEqual(["Bearer access-canary-2"]);
		expect(await machine.read("auth.json")).toBe("{}");
	});

	it("loginWithApiKey() binds the key to the service that is configured", async () => {
		const bale = machine.newIdentity();
		await bale.config(stub.origin);
		await bale.loginWithApiKey("qk_canary");
		await bale.config({ registryUrl: other.origin });
		expect(isBaleError(await failure(bale.getCredentialProvider({ fallback: false })()), "NotLoggedIn")).toBe(
			true,
		);
		expect(other.received).toEqual([]);
		expect(await bale.loggedIn()).toBeUndefined();
	});

	it("getCredentialProvider() uses BALE_API_KEY before QUILT_API_KEY, and neither for a second service", async () => {
		const bale = machine.newIdentity();
		await bale.config(stub.origin);
		machine.env["QUILT_API_KEY"] = "qk_quilt";
		machine.env["BALE_API_KEY"] = "qk_bale";
		stub.received.length = 0;
		await bale.getCredentialProvider({ fallback: false })();
		expect(stub.received.map(({ headers }) => headers.authorization)).toEqual(["Bearer qk_bale"]);
		expect(await machine.files()).toEqual(["config.yml"]);
		await bale.config({ registryUrl: other.origin });
		expect(isBaleError(await failure(bale.getCredentialProvider({ fallback: false })()), "NotLoggedIn")).toBe(
			true,
		);
		expect(other.received).toEqual([]);
	});

	it("a session sends nothing unencrypted to another machine unless that is allowed", async () => {
		await storeTokens(3600, "http://registry.example");
		const bale = machine.newIdentity();
		await bale.config({ registryUrl: "http://registry.example" });
		expect(isBaleError(await failure(bale.session()), "InvalidConfig")).toBe(true);
		expect(isBaleError(await failure(bale.config("http://catalog.example")), "InvalidConfig")).toBe(true);
		machine.env["BALE_ALLOW_INSECURE"] = "1";
		expect(await bale.session()).toBeDefined();
	});
});

describe("what can be seen of tokens", () => {
	it("errors repeat neither tokens nor codes, also when the service does", async () => {
		await logIn();
		const said = JSON.stringify({
			message: "bad token access-canary-1\u001b[31m",
			error: "bad code code-canary",
		});
		special.set("/registry/api/auth/get_credentials", () => ({ status: 403, body: said }));
		machine.now += 55 * 60_000;
		const provider = machine.newIdentity().getCredentialProvider({ fallback: false });
		const refused = await failure(provider());
		expect(isBaleError(refused, "AccessDenied")).toBe(true);
		expect(visible(refused)).toContain("[hidden]");
		expect(visible(refused)).not.toMatch(/canary|\u001b/);
		special.set("/registry/api/token", () => ({ status: 200, body: said }));
		const denied = await failure(machine.newIdentity().login({ code: "code-canary" }));
		expect(isBaleError(denied, "AccessDenied")).toBe(true);
		expect(visible(denied)).not.toContain("canary");
		const malformed = await failure(machine.newIdentity().loginWithApiKey("canary"));
		expect(visible(malformed)).not.toContain("canary");
	});

	it("a token that cannot stand in a header is refused without repeating it", async () => {
		special.set("/registry/api/token", () => json({ ...tokens(3600), access_token: "canary\nX-Evil: 1" }));
		const bale = machine.newIdentity();
		await bale.config(stub.origin);
		const error = await failure(bale.login({ code: "x" }));
		expect(isBaleError(error, "IdentityUnavailable")).toBe(true);
		expect(visible(error)).not.toContain("canary");
	});

	it("files of secrets are 0600 in folders 0700, whatever the umask", async () => {
		const before = process.umask(0);
		try {
			await mkdir(machine.places.data, { recursive: true });
			await mkdir(machine.places.baleData, { recursive: true });
			await logIn();
		} finally {
			process.umask(before);
		}
		const { data, baleData } = machine.places;
		const modes = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
		for (const folder of [data, baleData]) expect(await modes(folder)).toBe("700");
		for (const file of [
			join(data, "auth.json"),
			join(data, "credentials.json"),
			join(baleData, "credentials.json"),
		]) {
			expect(await modes(file)).toBe("600");
		}
		expect((await readdir(data)).filter((name) => name.startsWith(".bale-tmp"))).toEqual([]);
	});
});

describe("renewal", () => {
	it("Session renews a token once for many callers in many processes", async () => {
		await logIn();
		await storeTokens(30);
		const identities = Array.from({ length: 5 }, () => machine.newIdentity());
		const found = await Promise.all(
			Array.from({ length: 60 }, async (_, index) => (await identities[index % 5]?.session())?.accessToken()),
		);
		expect(new Set(found).size).toBe(1);
		expect(stub.received.map(({ path }) => path)).toEqual(["/registry/api/token"]);
	});

	it("getCredentialProvider() renews credentials once for many callers in many processes", async () => {
		await logIn();
		machine.now += 50 * 60_000;
		await storeTokens(3600);
		const providers = Array.from({ length: 5 }, () => machine.newIdentity().getCredentialProvider());
		const found = await Promise.all(Array.from({ length: 60 }, async (_, index) => providers[index % 5]?.()));
		expect(new Set(found.map((keyring) => keyring?.expiration?.getTime())).size).toBe(1);
		expect(stub.received.map(({ path }) => path)).toEqual(["/registry/api/auth/get_credentials"]);
	});

	it("Session renews a token that the service refuses too early, once", async () => {
		await logIn();
		machine.now += 50 * 60_000;
		await storeTokens(3600);
		const stale = `Bearer access-canary-${String(issued)}`;
		special.set("/registry/api/auth/get_credentials", ({ headers }) =>
			headers.authorization === stale ? json({ message: "revoked" }, 401) : json(keys(3600)),
		);
		await machine.newIdentity().getCredentialProvider()();
		expect(stub.received.map(({ path }) => path.replace("/registry/api/", ""))).toEqual([
			"auth/get_credentials",
			"token",
			"auth/get_credentials",
		]);
	});

	it("Session goes on with the tokens of quilt3 when both renewed at once", async () => {
		await logIn();
		await storeTokens(30);
		special.set("/registry/api/token", async () => {
			await storeTokens(3600);
			return json({ message: "already used" }, 401);
		});
		const token = await (await machine.newIdentity().session())?.accessToken();
		expect(token).toBe(`access-canary-${String(issued)}`);
	});

	it("login() keeps the logins of other services", async () => {
		await storeTokens(3600, "https://first.example");
		await logIn();
		expect(Object.keys(JSON.parse((await machine.read("auth.json")) ?? "") as object)).toEqual([
			"https://first.example",
			service(),
		]);
	});
});

describe("files", () => {
	it("a broken auth.json counts as signed out, with a warning, and is moved aside by the next login", async () => {
		await machine.newIdentity().config(stub.origin);
		for (const text of ["", '{"http', "[]", "7"]) {
			await writeFile(join(machine.places.data, "auth.json"), text);
			const bale = machine.newIdentity();
			machine.warnings.length = 0;
			expect(await bale.loggedIn()).toBeUndefined();
			expect(machine.warnings.map(({ code }) => code)).toEqual(["SessionBroken"]);
			await bale.login({ code: "x" });
			expect(await bale.loggedIn()).toBe(stub.origin);
			expect(await machine.files()).toContain("auth.json.broken.*");
		}
	});

	it("config() leaves the credentials of quilt3 alone while the service stays the same", async () => {
		await logIn();
		await writeFile(join(machine.places.data, "credentials.json"), '{"access_key": "of quilt3"}');
		await machine.newIdentity().config({ region: "eu-west-2" });
		await machine.newIdentity().config(stub.origin);
		expect(await machine.read("credentials.json")).toBe('{"access_key": "of quilt3"}');
	});

	it("config() gives quilt3 the credentials of the catalog that is chosen, or none", async () => {
		await logIn();
		const first = await machine.read("credentials.json");
		await machine.newIdentity().config({ registryUrl: other.origin });
		expect(await machine.read("credentials.json")).toBe("{}");
		await machine.newIdentity().config({ registryUrl: service() });
		expect(await machine.read("credentials.json")).toBe(first);
	});

	it("logout() forgets everything without a network", async () => {
		await logIn();
		await stub.close();
		const result = await machine.newIdentity().logout();
		expect(result).toEqual({ wasLoggedIn: true, revoked: [], unconfirmed: [service()] });
		expect(await machine.newIdentity().loggedIn()).toBeUndefined();
		expect(await readFile(join(machine.places.baleData, "credentials.json"), "utf8")).toBe("{}");
	});
});

describe("login()", () => {
	it("opens no browser when told so, and shows host and page", async () => {
		const bale = machine.newIdentity();
		await bale.config(stub.origin);
		const printed: string[] = [];
		const opened: string[] = [];
		await bale.login({
			browser: false,
			print: (line) => void printed.push(line),
			prompt: () => Promise.resolve(" code \n"),
			openBrowser: (url) => Promise.resolve(void opened.push(url)),
		});
		expect(opened).toEqual([]);
		expect(printed.join("\n")).toContain(`${stub.origin}/registry/login`);
		expect(stub.received.find(({ path }) => path.endsWith("/token"))?.body).toBe("refresh_token=code");
	});

	it("goes on when no browser starts", async () => {
		const bale = machine.newIdentity();
		await bale.config(stub.origin);
		const printed: string[] = [];
		const login = await bale.login({
			print: (line) => void printed.push(line),
			prompt: () => Promise.resolve("code"),
			openBrowser: () => Promise.reject(new Error("no xdg-open")),
		});
		expect(login).toEqual({ service: service(), catalog: stub.origin });
		expect(printed.at(-1)).toBe("No browser could be started.");
	});

	it("getCredentialProvider() falls back to the environment, the profile, or the given provider", async () => {
		const bale = machine.newIdentity();
		expect(isBaleError(await failure(bale.getCredentialProvider()()), "NotLoggedIn")).toBe(true);
		await writeFile(
			join(machine.root, "aws-credentials"),
			"[default]\naws_access_key_id = AKD\naws_secret_access_key = s\n[work]\naws_access_key_id=AKW\naws_secret_access_key=s\n",
		);
		expect((await bale.getCredentialProvider()()).accessKeyId).toBe("AKD");
		machine.env["AWS_PROFILE"] = "work";
		expect((await bale.getCredentialProvider()()).accessKeyId).toBe("AKW");
		machine.env["AWS_ACCESS_KEY_ID"] = "AKE";
		machine.env["AWS_SECRET_ACCESS_KEY"] = "s";
		expect((await bale.getCredentialProvider()()).accessKeyId).toBe("AKE");
		const own = (): Promise<{ accessKeyId: string; secretAccessKey: string }> =>
			Promise.resolve({ accessKeyId: "OWN", secretAccessKey: "s" });
		expect((await bale.getCredentialProvider({ fallback: own })()).accessKeyId).toBe("OWN");
		expect(isBaleError(await failure(bale.getCredentialProvider({ fallback: false })()), "NotLoggedIn")).toBe(
			true,
		);
	});
});
