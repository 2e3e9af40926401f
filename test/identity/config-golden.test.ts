import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { keyOf } from "../../src/core/config-keys.ts";
import type { UserIdentity } from "../../src/node/user-identity.ts";
import type { Machine } from "./machine.ts";
import { makeMachine } from "./machine.ts";
import type { StubServer } from "./stub-server.ts";
import { json, startStub } from "./stub-server.ts";

/** Recorded from quilt3 8.0.0; the note of each case says what was done. */
type GoldenCase = {
	readonly case: string;
	readonly returned: Record<string, unknown> | null;
	readonly error_class: string | null;
	readonly warnings: readonly string[];
	readonly http: readonly string[];
	readonly files: readonly string[];
	readonly config_yml: string | null;
};

const golden = JSON.parse(
	await readFile(new URL("../golden/peripherals/config/cases.json", import.meta.url), "utf8"),
) as { readonly cases: readonly GoldenCase[] };
const goldenOrigin = "http://127.0.0.1:21003";

type Deviation = Partial<Omit<GoldenCase, "case">> & { readonly why: string };

const defaults = {
	navigator_url: null,
	default_local_registry: "file://$TMP/data/Quilt/packages",
	default_remote_registry: null,
	default_install_location: null,
	registryUrl: null,
	telemetry_disabled: false,
	s3Proxy: null,
	apiGatewayEndpoint: null,
	binaryApiGatewayEndpoint: null,
	default_registry_version: 1,
	region: null,
};
const catalog = {
	...defaults,
	navigator_url: goldenOrigin,
	registryUrl: `${goldenOrigin}/r`,
	s3Proxy: `${goldenOrigin}/p`,
	apiGatewayEndpoint: `${goldenOrigin}/g`,
	binaryApiGatewayEndpoint: `${goldenOrigin}/b`,
	region: "eu-west-1",
};

/** Every difference from quilt3, with what bale does instead; `docs/deviations.md` lists them for users. */
const deviations: Readonly<Record<string, Deviation>> = {
	"config(URL): the server may overwrite local settings": {
		why: "a catalog sets its own six keys only",
		returned: { ...defaults, navigator_url: `${goldenOrigin}/steal` },
		config_yml: yaml({ ...defaults, navigator_url: `${goldenOrigin}/steal` }),
	},
	"config(URL) after own settings": {
		why: "choosing a catalog keeps what is the user's own",
		returned: { ...catalog, default_remote_registry: "s3://mine", telemetry_disabled: true },
		config_yml: yaml({ ...catalog, default_remote_registry: "s3://mine", telemetry_disabled: true }),
	},
	"config() without a file: default catalog is fetched": {
		why: "nothing is contacted unless the call says so",
		returned: defaults,
		http: [],
		files: [],
		config_yml: null,
	},
	"config() without a file, default catalog unreachable": {
		why: "nothing is contacted unless the call says so",
		warnings: [],
		files: [],
		config_yml: null,
	},
	"kwargs: unknown key is stored": {
		why: "a key that may be a typing error is mentioned",
		warnings: ["ConfigUnknownKey"],
	},
	"kwargs: registryUrl is not validated": {
		why: "tokens are sent there: it must be a web address",
		returned: null,
		error_class: "InvalidConfig",
		files: [],
		config_yml: null,
	},
	"kwargs: default_remote_registry not validated": {
		why: "a registry that cannot be one is refused when it is set",
		returned: null,
		error_class: "InvalidConfig",
		files: [],
		config_yml: null,
	},
	"kwargs: tuple": {
		why: "only plain YAML is written, which every reader accepts",
		warnings: ["ConfigUnknownKey"],
		config_yml: `${yaml(defaults)}x:\n- 1\n- 2\n`,
	},
	"kwargs: object": {
		why: "only plain YAML is written, which every reader accepts",
		returned: null,
		error_class: "InvalidConfig",
		files: [],
		config_yml: null,
	},
	"file: empty": {
		why: "a broken file counts as defaults",
		returned: defaults,
		error_class: null,
		warnings: ["ConfigBroken"],
	},
	"file: not yaml": {
		why: "a broken file counts as defaults",
		returned: defaults,
		error_class: null,
		warnings: ["ConfigBroken"],
	},
	"file: list": {
		why: "a broken file counts as defaults",
		returned: defaults,
		error_class: null,
		warnings: ["ConfigBroken"],
	},
	"file: comments are lost on write": {
		why: "comments and layout belong to the user",
		config_yml: "# mine\nregion: q # here\n",
	},
};

/** What each case did; the recording keeps only its name. */
const actions: Readonly<Record<string, (bale: UserIdentity, origin: string) => Promise<unknown>>> = {
	"config(URL)": (bale, origin) => bale.config(origin),
	"config(URL/) twice keeps a backup": async (bale, origin) => {
		await bale.config(`${origin}/`);
		return bale.config(`${origin}/`);
	},
	"config(URL) whose config.json has navigator_url": (bale, origin) => bale.config(`${origin}/nav`),
	"config(URL), bad navigator_url inside": (bale, origin) => bale.config(`${origin}/badnav`),
	"config(URL), unknown *_url key inside is validated too": (bale, origin) =>
		bale.config(`${origin}/extraurl`),
	"config(URL), {}": (bale, origin) => bale.config(`${origin}/empty`),
	"config(URL), list": (bale, origin) => bale.config(`${origin}/list`),
	"config(URL), html": (bale, origin) => bale.config(`${origin}/html`),
	"config(URL), 500": (bale, origin) => bale.config(`${origin}/500`),
	"config(URL), redirect followed": (bale, origin) => bale.config(`${origin}/redir`),
	"config(URL): the server may overwrite local settings": (bale, origin) => bale.config(`${origin}/steal`),
	"config(URL) after own settings": async (bale, origin) => {
		await bale.config({ default_remote_registry: "s3://mine", telemetry_disabled: true, region: "mine" });
		return bale.config(origin);
	},
	"config('nope')": (bale) => bale.config("nope"),
	"config('http://')": (bale) => bale.config("http://"),
	"config('http://host:port')": (bale) => bale.config("http://host:port"),
	"config('ftp://host')": (bale) => bale.config("ftp://host"),
	"config('HTTP://HOST/')": (bale) => bale.config("HTTP://HOST/"),
	"config(' http://127.0.0.1:21003 ')": (bale, origin) => bale.config(` ${origin} `),
	"config('file:///x')": (bale) => bale.config("file:///x"),
	"config('http://127.0.0.1:1')": (bale) => bale.config("http://127.0.0.1:1"),
	"config('')": (bale) => bale.config(""),
	"config(None)": (bale) => bale.config(null),
	"config(a, b)": (bale, origin) => bale.config(origin, origin as never),
	"config(URL, key=)": (bale, origin) => bale.config(origin, { region: "x" } as never),
	"config() with a file": async (bale) => {
		await bale.config({ region: "x" });
		return bale.config();
	},
	"config() without a file: default catalog is fetched": (bale) => bale.config(),
	"config() without a file, default catalog unreachable": (bale) => bale.config(),
	"kwargs: known": (bale) => bale.config({ defaultRemoteRegistry: "s3://b" }),
	"kwargs: unknown key is stored": (bale) => bale.config({ my_key: { a: [1] } }),
	"kwargs: navigator_url slash and blanks": (bale) => bale.config({ navigator_url: " http://h/ " }),
	"kwargs: navigator_url bad": (bale) => bale.config({ navigatorUrl: "nope" }),
	"kwargs: navigator_url int": (bale) => bale.config({ navigator_url: 1 }),
	"kwargs: registryUrl is not validated": (bale) => bale.config({ registryUrl: "h" }),
	"kwargs: None": (bale) => bale.config({ default_remote_registry: null }),
	"kwargs: default_remote_registry not validated": (bale) => bale.config({ default_remote_registry: ":::" }),
	"kwargs: no backup kept": async (bale) => {
		await bale.config({ region: "x" });
		return bale.config({ region: "y" });
	},
	"kwargs: tuple": (bale) => bale.config({ x: [1, 2] }),
	"kwargs: object": (bale) => bale.config({ x: new Date(0) }),
	"file: empty": (bale) => bale.config(),
	"file: not yaml": (bale) => bale.config(),
	"file: list": (bale) => bale.config(),
	"file: partial": (bale) => bale.config(),
	"file: comments are lost on write": (bale) => bale.config({ region: "q" }),
	"file: invalid navigator_url makes config() fail": (bale) => bale.config(),
	"file: default_registry_version 3": (bale) => bale.config(),
	"file: default_local_registry null": (bale) => bale.config(),
	"file: default_local_registry plain path": (bale) => bale.config(),
};

function yaml(values: Readonly<Record<string, unknown>>): string {
	const keys = Object.keys(values).sort(compareNames);
	return keys.map((key) => `${key}: ${String(values[key])}\n`).join("");
}

const documents: Readonly<Record<string, unknown>> = {
	"/config.json": { ...pick(), region: "eu-west-1" },
	"/nav/config.json": { ...pick(), region: "eu-west-1", navigator_url: "https://elsewhere.example" },
	"/badnav/config.json": { navigator_url: "nope" },
	"/extraurl/config.json": { some_url: "nope" },
	"/empty/config.json": {},
	"/list/config.json": [],
	"/steal/config.json": {
		default_local_registry: "file:///srv/evil",
		default_remote_registry: "s3://evil",
		default_install_location: "file:///srv/elsewhere",
		telemetry_disabled: true,
		default_registry_version: 2,
	},
};

function pick(): Record<string, unknown> {
	const { registryUrl, s3Proxy, apiGatewayEndpoint, binaryApiGatewayEndpoint } = catalog;
	return { registryUrl, s3Proxy, apiGatewayEndpoint, binaryApiGatewayEndpoint, mode: "PRODUCT" };
}

describe("config() in the recorded cases of quilt3", () => {
	let stub: StubServer;
	let machine: Machine;

	beforeAll(async () => {
		stub = await startStub(({ path }) => {
			if (path === "/redir/config.json") return { status: 302, headers: { Location: "/config.json" } };
			if (path === "/html/config.json") return { status: 200, body: "<html>" };
			if (path === "/500/config.json") return { status: 500, body: "oops" };
			const document = documents[path];
			if (document === undefined) return { status: 404 };
			return json(JSON.parse(JSON.stringify(document).replaceAll(goldenOrigin, stub.origin)));
		});
	});
	afterAll(() => stub.close());
	beforeEach(async () => {
		stub.received.length = 0;
		machine = await makeMachine();
	});
	afterEach(() => machine.remove());

	const local = (text: string): string =>
		text.replaceAll("$TMP", machine.root).replaceAll(goldenOrigin, stub.origin);

	it("covers every case, and every deviation belongs to one", () => {
		const names = golden.cases.map((entry) => entry.case);
		expect(new Set(Object.keys(actions))).toEqual(new Set(names));
		expect(names).toEqual(expect.arrayContaining(Object.keys(deviations)));
	});

	it.each(golden.cases)("config() behaves as recorded: $case", async (recorded) => {
		const expected = { ...recorded, ...deviations[recorded.case] };
		if (recorded.case.startsWith("file: ")) {
			await mkdir(machine.places.data, { recursive: true });
			const text = recorded.case.includes("comments")
				? "# mine\nregion: z # here\n"
				: (recorded.config_yml ?? "");
			await writeFile(join(machine.places.data, "config.yml"), text);
		}
		const action = actions[recorded.case];
		if (action === undefined) throw new Error("no action");
		let returned: unknown = null;
		let failure: unknown;
		try {
			returned = await action(machine.newIdentity(), stub.origin);
		} catch (error) {
			failure = error;
		}
		if (expected.error_class === null) expect(failure).toBeUndefined();
		else expect(isBaleError(failure, "InvalidConfig", "IdentityUnavailable", "InvalidArgument")).toBe(true);
		const found =
			returned === null
				? null
				: Object.fromEntries(Object.entries(returned as object).map(([name, value]) => [keyOf(name), value]));
		expect(found).toEqual(JSON.parse(local(JSON.stringify(expected.returned))));
		expect(stub.received.map(({ method, path }) => `${method} ${path}`)).toEqual(expected.http);
		expect(machine.warnings.map(({ code }) => code)).toEqual(expected.warnings);
		expect(await machine.files()).toEqual(expected.files);
		const text = await machine.read("config.yml");
		expect(text ?? null).toBe(expected.config_yml === null ? null : local(expected.config_yml));
	});
});
