import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { keyOf } from "../../src/core/config-keys.ts";
import type { UserIdentity } from "../../src/node/user-identity.ts";
import type { Machine } from "./machine.ts";
import { makeMachine } from "./machine.ts";
import type { Received, Reply, StubServer } from "./stub-server.ts";
import { json, startStub } from "./stub-server.ts";

/** Recorded from quilt3 8.0.0 against a stub of an identity service. */
type Exchange = {
	readonly request: {
		readonly method: string;
		readonly path: string;
		readonly headers: Record<string, string>;
		readonly body: unknown;
	};
	readonly response: Reply;
};
type Files = Readonly<Record<string, { readonly mode: string; readonly content: string }>>;
type Scenario = {
	readonly scenario: string;
	readonly returned: unknown;
	readonly error: { readonly class: string } | null;
	readonly printed: readonly string[];
	readonly browser_opened: readonly string[];
	readonly http: readonly Exchange[];
	readonly files_after: Files;
};

const recording = JSON.parse(
	await readFile(new URL("../golden/peripherals/auth/transcripts.json", import.meta.url), "utf8"),
) as { readonly scenarios: readonly Scenario[] };

const goldenOrigin = "http://127.0.0.1:21000";
const service = `${goldenOrigin}/registry`;
/** When the recording was made, in seconds since the epoch. */
const recordedAt = 1_795_225_212;

const secretFiles = ["auth.json", "credentials.json"];

/** Search and GraphQL use a session but are no part of signing in. */
const isOther = (name: string): boolean => /^(graphql|search)-/.test(name);
const scenarios = recording.scenarios.filter(({ scenario }) => !isOther(scenario));

type Context = {
	readonly bale: UserIdentity;
	readonly origin: string;
	readonly printed: string[];
	readonly opened: string[];
	readonly env: Record<string, string>;
};

type Plan = {
	/**
	 * Files before: those recorded after the scenario (the default, where nothing changes), those after the one before it,
	 * the configuration only, or none. "switch": the login of this scenario with the configuration of the one before.
	 */
	readonly before?: "after" | "previous" | "configured" | "nothing" | "switch";
	/** Seconds until the access token and the credentials expire; default: as recorded. */
	readonly tokenLife?: number;
	readonly credentialsLife?: number;
	/** Goes on in the process of the previous scenario. */
	readonly sameProcess?: boolean;
	readonly run: (context: Context) => Promise<unknown>;
	readonly code?: ErrorCode;
	/** What bale does otherwise. */
	readonly deviation?: {
		readonly why: string;
		readonly returned?: unknown;
		readonly failure?: ErrorCode | "none";
		/** Requests instead of the recorded ones: method, path, and the answer. */
		readonly http?: readonly {
			readonly method: string;
			readonly path: string;
			readonly bearer?: string;
			readonly reply: Reply;
		}[];
		readonly files?: Readonly<Record<string, string>>;
	};
};

const logIn = ({ bale, printed, opened }: Context): Promise<unknown> =>
	bale
		.login({
			print: (line) => void printed.push(line),
			prompt: (question) => Promise.resolve((printed.push(question), "code-from-web-page")),
			openBrowser: (url) => Promise.resolve(void opened.push(url)),
		})
		.then(() => null);
const loggedIn = async ({ bale }: Context): Promise<unknown> => (await bale.loggedIn()) ?? null;
const accessToken = async ({ bale }: Context): Promise<unknown> => {
	const session = await bale.session();
	await session?.accessToken();
	return session !== undefined;
};
const credentials = async ({ bale }: Context): Promise<unknown> => {
	const { accessKeyId, sessionToken } = await bale.getCredentialProvider({ fallback: false })();
	return { access_key: accessKeyId, token: sessionToken };
};
const anyCredentials = async ({ bale }: Context): Promise<unknown> => {
	const { accessKeyId, sessionToken } = await bale.getCredentialProvider()();
	return { access_key: accessKeyId, token: sessionToken };
};

const bought = (id: string): Reply =>
	json({
		AccessKeyId: id,
		SecretAccessKey: "secret",
		SessionToken: "session",
		Expiration: "2026-11-21T02:40:12Z",
	});
const buys = (bearer: string, id: string): NonNullable<NonNullable<Plan["deviation"]>["http"]> => [
	{ method: "GET", path: "/registry/api/auth/get_credentials", bearer, reply: bought(id) },
];
const keyring = (id: string): string =>
	JSON.stringify({
		access_key: id,
		secret_key: "secret",
		token: "session",
		expiry_time: "2026-11-21T02:40:12Z",
	});

const plans: Readonly<Record<string, Plan>> = {
	"login-without-config": { before: "nothing", run: logIn, code: "InvalidConfig" },
	"config-url": { before: "nothing", run: ({ bale, origin }) => bale.config(`${origin}/`) },
	"logged-in-before": { run: loggedIn },
	"login-ok": { before: "configured", run: logIn },
	"logged-in-after": { run: loggedIn },
	"session-reused": {
		run: accessToken,
		deviation: {
			why: "a session has no standing headers; the requests of the others show them",
			returned: true,
		},
	},
	"access-token-refresh-at-59s": { before: "previous", tokenLife: 59, run: accessToken },
	"no-refresh-at-61s": { run: accessToken },
	"cached-session-is-not-refreshed": {
		sameProcess: true,
		run: accessToken,
		deviation: {
			why: "a session renews its tokens however long the process lives",
			http: [
				{
					method: "POST",
					path: "/registry/api/token",
					reply: json({ refresh_token: "r", access_token: "a", expires_at: recordedAt + 3600 }),
				},
			],
			files: {
				"auth.json": JSON.stringify({
					[service]: { refresh_token: "r", access_token: "a", expires_at: recordedAt + 3600 },
				}),
			},
		},
	},
	"refresh-401": { run: accessToken, code: "LoginExpired" },
	"refresh-200-error": { run: accessToken, code: "LoginExpired" },
	logout: {
		before: "previous",
		run: ({ bale }) => bale.logout().then(() => null),
		deviation: {
			why: "the service is told, so that stolen copies of the tokens end too",
			http: [{ method: "POST", path: "/registry/api/logout", bearer: "access-3", reply: json({}) }],
		},
	},
	"logged-in-after-logout": { run: loggedIn },
	"logout-again": {
		run: async ({ bale, printed }) => {
			const { wasLoggedIn } = await bale.logout();
			if (!wasLoggedIn) printed.push("nobody was logged in");
			return null;
		},
	},
	"login-token-401": { before: "configured", run: logIn, code: "AccessDenied" },
	"login-token-500": { before: "configured", run: logIn, code: "IdentityUnavailable" },
	"login-token-200-error": { before: "configured", run: logIn, code: "AccessDenied" },
	"login-token-missing-field": { before: "configured", run: logIn, code: "IdentityUnavailable" },
	"login-token-not-json": { before: "configured", run: logIn, code: "IdentityUnavailable" },
	"login-creds-401": { before: "configured", run: logIn, code: "LoginExpired" },
	"login-creds-400-message": { before: "configured", run: logIn, code: "LoginExpired" },
	"login-creds-500-html": { before: "configured", run: logIn, code: "IdentityUnavailable" },
	"login-creds-403-json-without-message": { before: "configured", run: logIn, code: "AccessDenied" },
	"login-connection-refused": { before: "configured", run: logIn, code: "IdentityUnavailable" },
	"boto3-session-fresh": { run: credentials },
	"boto3-session-advisory-refresh": { before: "previous", credentialsLife: 14 * 60, run: credentials },
	"boto3-session-advisory-refresh-fails": { run: credentials },
	"boto3-session-mandatory-refresh-fails": {
		run: credentials,
		code: "IdentityUnavailable",
	},
	"boto3-session-expired": { before: "previous", credentialsLife: -60, run: credentials },
	"boto3-session-no-creds-fallback": {
		run: anyCredentials,
		deviation: {
			why: "a login without stored credentials buys some",
			returned: { access_key: "BOUGHT", token: "session" },
			http: buys("access-8", "BOUGHT"),
			files: { "credentials.json": keyring("BOUGHT") },
		},
	},
	"boto3-session-no-creds-no-fallback": {
		run: credentials,
		deviation: {
			why: "a login without stored credentials buys some",
			failure: "none",
			returned: { access_key: "BOUGHT", token: "session" },
			http: buys("access-8", "BOUGHT"),
			files: { "credentials.json": keyring("BOUGHT") },
		},
	},
	"boto3-session-env-creds-fallback": {
		// The recording calls this user logged out although tokens are left; bale goes by the tokens.
		before: "configured",
		run: async (context) => {
			context.env["AWS_ACCESS_KEY_ID"] = "AKENV";
			context.env["AWS_SECRET_ACCESS_KEY"] = "secret";
			return {
				method:
					((await anyCredentials(context)) as { access_key: string }).access_key === "AKENV" ? "env" : "",
			};
		},
		deviation: {
			why: "the region comes from the settings, not with the credentials",
			returned: { method: "env" },
			files: { "auth.json": "{}" },
		},
	},
	"boto3-session-quilt-wins-over-env": {
		run: (context) => {
			context.env["AWS_ACCESS_KEY_ID"] = "AKENV";
			context.env["AWS_SECRET_ACCESS_KEY"] = "secret";
			return anyCredentials(context);
		},
	},
	"switch-catalog": {
		before: "switch",
		run: ({ bale, origin }) => bale.config(`${origin}/second`),
		deviation: {
			why: "credentials of one catalog are not left for another",
			files: { "credentials.json": "{}" },
		},
	},
	"switch-catalog-logged-in": { run: loggedIn },
	"switch-catalog-credentials": {
		run: credentials,
		deviation: { why: "credentials of one catalog are never used for another", failure: "NotLoggedIn" },
	},
	"switch-catalog-refresh-same-process": {
		before: "previous",
		credentialsLife: -60,
		sameProcess: true,
		run: credentials,
		deviation: {
			why: "a token of one service is never sent to another",
			failure: "NotLoggedIn",
			http: [],
			files: { "credentials.json": "previous" },
		},
	},
	"switch-catalog-refresh-new-process": {
		before: "previous",
		credentialsLife: -60,
		run: credentials,
		deviation: {
			why: "nothing is asked of a service that nobody is logged in to",
			failure: "NotLoggedIn",
			http: [],
			files: { "credentials.json": "previous" },
		},
	},
	"api-key-bad-prefix": {
		before: "configured",
		run: ({ bale }) => bale.loginWithApiKey("xx_test"),
		code: "InvalidArgument",
	},
	"api-key-login": {
		before: "configured",
		run: ({ bale }) => bale.loginWithApiKey("qk_test").then(() => null),
	},
	"api-key-logged-in": { sameProcess: true, run: loggedIn },
	"api-key-boto3-credentials": {
		sameProcess: true,
		run: credentials,
		deviation: {
			why: "an API key gives access to storage",
			returned: { access_key: "KEYED", token: "session" },
			http: buys("qk_test", "KEYED"),
		},
	},
	"api-key-refresh-credentials-by-hand": {
		before: "configured",
		run: async (context) => {
			await context.bale.loginWithApiKey("qk_test");
			return credentials(context);
		},
		deviation: { why: "what was bought with a key stays in memory", files: { "credentials.json": "{}" } },
	},
	"api-key-boto3-after-hand-refresh": {
		before: "configured",
		sameProcess: true,
		run: credentials,
		deviation: {
			why: "what was bought with a key stays in memory",
			files: { "credentials.json": "previous" },
		},
	},
	"api-key-clear": {
		before: "configured",
		sameProcess: true,
		run: ({ bale }) => Promise.resolve((bale.clearApiKey(), null)),
		deviation: {
			why: "what was bought with a key stays in memory",
			files: { "credentials.json": "previous" },
		},
	},
	"api-key-logged-in-after-clear": {
		before: "configured",
		sameProcess: true,
		run: loggedIn,
		deviation: {
			why: "what was bought with a key stays in memory",
			files: { "credentials.json": "previous" },
		},
	},
	"api-key-creds-file-stays": {
		before: "configured",
		sameProcess: true,
		run: credentials,
		deviation: {
			why: "credentials that a key bought end with the key",
			failure: "NotLoggedIn",
			files: { "credentials.json": "previous" },
		},
	},
	"api-key-logout": {
		before: "previous",
		run: async ({ bale }) => {
			await bale.loginWithApiKey("qk_test");
			await bale.logout();
			return (await bale.loggedIn()) ?? null;
		},
	},
};

describe("signing in as recorded from quilt3", () => {
	let stub: StubServer;
	let machine: Machine;
	let bale: UserIdentity | undefined;
	let replies: Reply[] = [];
	const toLocal = (text: string): string =>
		text.replaceAll(goldenOrigin, stub.origin).replaceAll("$TMP", machine.root);
	const records = (text: string | undefined): unknown =>
		JSON.parse(text === undefined || text === "" ? "{}" : text);

	beforeAll(async () => {
		machine = await makeMachine();
		machine.now = recordedAt * 1000;
		stub = await startStub(() => {
			const { status, headers = {}, body = "" } = replies.shift() ?? { status: 599 };
			return { status, headers, body: toLocal(body) };
		});
	});
	afterAll(async () => {
		await stub.close();
		await machine.remove();
	});

	/** Puts the recorded files in place, and what bale would have written beside them. */
	const prepare = async (plan: Plan, after: Files, previous: Files): Promise<void> => {
		const configuration = (files: Files): Files =>
			Object.fromEntries(Object.entries(files).filter(([name]) => name === "config.yml"));
		const choices: Readonly<Record<string, Files>> = {
			after,
			previous,
			configured: configuration(after),
			switch: { ...after, ...configuration(previous) },
			nothing: {},
		};
		const files = choices[plan.before ?? "after"] ?? {};
		await machine.remove();
		await mkdir(machine.places.data, { recursive: true });
		await mkdir(machine.places.baleData, { recursive: true });
		for (const [name, { content }] of Object.entries(files)) {
			let text = toLocal(content);
			if (name === "auth.json" && plan.tokenLife !== undefined) {
				text = text.replace(/("expires_at": ?)[\d.]+/, `$1${String(recordedAt + plan.tokenLife)}`);
			}
			if (name === "credentials.json") {
				if (plan.credentialsLife !== undefined) {
					const expiry = new Date((recordedAt + plan.credentialsLife) * 1000)
						.toISOString()
						.replace(".000", "");
					text = text.replace(/("expiry_time": ?")[^"]+/, `$1${expiry}`);
				}
				const own = text === "{}" ? "{}" : `{${JSON.stringify(toLocal(service))}: ${text}}`;
				await writeFile(join(machine.places.baleData, name), own);
			}
			await writeFile(join(machine.places.data, name), text);
		}
	};

	it("covers every scenario about signing in", () => {
		expect(new Set(Object.keys(plans))).toEqual(new Set(scenarios.map(({ scenario }) => scenario)));
	});

	it.each(scenarios.map((scenario, index) => ({ ...scenario, index })))(
		"UserIdentity behaves as recorded: $scenario",
		async (scenario) => {
			const plan = plans[scenario.scenario];
			if (plan === undefined) throw new Error("no plan");
			const { deviation } = plan;
			const after = scenario.files_after;
			await prepare(plan, after, scenarios[scenario.index - 1]?.files_after ?? {});
			const before = new Map<string, string | undefined>();
			for (const name of secretFiles) before.set(name, await machine.read(name));
			const expectedHttp =
				deviation?.http ??
				scenario.http.map(({ request, response }) => ({
					method: request.method,
					path: request.path,
					body: request.body,
					bearer: request.headers["Authorization"]?.replace("Bearer ", ""),
					reply: response,
				}));
			replies = expectedHttp.map(({ reply }) => reply);
			stub.received.length = 0;
			delete machine.env["AWS_ACCESS_KEY_ID"];
			if (plan.sameProcess !== true || bale === undefined) bale = machine.newIdentity();
			const context: Context = { bale, origin: stub.origin, printed: [], opened: [], env: machine.env };

			let returned: unknown = null;
			let failure: unknown;
			try {
				returned = await plan.run(context);
			} catch (error) {
				failure = error;
			}

			const code = deviation?.failure ?? (scenario.error === null ? "none" : (plan.code ?? "none"));
			expect(isBaleError(failure) ? failure.code : (failure ?? "none")).toBe(code);
			if (code === "none") {
				const expected =
					deviation !== undefined && "returned" in deviation ? deviation.returned : scenario.returned;
				expect(shape(returned)).toEqual(shape(records(toLocal(JSON.stringify(expected)))));
			}
			expect(stub.received.map(({ method, path }) => `${method} ${path}`)).toEqual(
				expectedHttp.map(({ method, path }) => `${method} ${path}`),
			);
			for (const [index, wanted] of expectedHttp.entries()) checkRequest(stub.received[index]!, wanted);
			expect(context.opened).toEqual(
				scenario.browser_opened.map((url) =>
					url.replace("http://127.0.0.1:21099", refused).replace(goldenOrigin, stub.origin),
				),
			);
			expect(context.printed).toHaveLength(scenario.printed.length);
			for (const name of secretFiles) {
				const override = deviation?.files?.[name];
				const wanted = override === "previous" ? before.get(name) : (override ?? after[name]?.content);
				const text = await machine.read(name);
				expect(records(text)).toEqual(records(wanted === undefined ? undefined : toLocal(wanted)));
				if (text !== before.get(name)) expect(await machine.mode(name)).toBe(0o600);
			}
			expect(await machine.read("config.yml")).toBe(
				after["config.yml"] === undefined ? undefined : toLocal(after["config.yml"].content),
			);
		},
	);

	const refused = "http://127.0.0.1:21099";

	function checkRequest(
		found: Received,
		wanted: { readonly body?: unknown; readonly bearer?: string | undefined },
	): void {
		if (typeof wanted.body === "string") expect(found.body).toBe(wanted.body);
		expect(found.headers.authorization).toBe(
			wanted.bearer === undefined ? undefined : `Bearer ${wanted.bearer}`,
		);
		if (wanted.bearer !== undefined)
			expect(found.headers).toMatchObject({ accept: "application/json", "content-type": "application/json" });
		if (found.path.endsWith("/api/token"))
			expect(found.headers["content-type"]).toBe("application/x-www-form-urlencoded");
	}

	/** Settings in the spelling of the file; of recorded sessions only what is not about boto3. */
	function shape(value: unknown): unknown {
		if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
		const entries = Object.entries(value).map(([name, entry]): [string, unknown] => [keyOf(name), entry]);
		if (!("access_key" in value)) return Object.fromEntries(entries);
		return { access_key: value.access_key, token: (value as { token?: unknown }).token };
	}
});
