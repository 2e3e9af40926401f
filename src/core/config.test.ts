import { expect, it } from "vitest";
import { configKeys, environmentNameOf, keyOf, propertyOf } from "./config-keys.ts";
import { planCatalog } from "./config.ts";
import { isBaleError } from "./errors.ts";
import { normalizeSetting, readSetting } from "./setting.ts";

const places = { localRegistry: "file:///data/packages", fileUrl: (path: string) => `file:///cwd/${path}` };
const normalize = (key: string, value: unknown): unknown => normalizeSetting(key, value, "the test", places);

it("keyOf() and propertyOf() translate each key to its property and back", () => {
	for (const key of configKeys) {
		expect(propertyOf(key)).toMatch(/^[a-z][A-Za-z0-9]*$/);
		expect(keyOf(propertyOf(key))).toBe(key);
		expect(keyOf(key)).toBe(key);
	}
	expect(keyOf("__proto__")).toBe("__proto__");
	expect(propertyOf("toString")).toBe("toString");
});

it("environmentNameOf() gives every key a variable of its own", () => {
	expect(environmentNameOf("registryUrl")).toBe("BALE_REGISTRY_URL");
	expect(environmentNameOf("s3Proxy")).toBe("BALE_S3_PROXY");
	expect(environmentNameOf("default_remote_registry")).toBe("BALE_DEFAULT_REMOTE_REGISTRY");
	expect(new Set(configKeys.map(environmentNameOf)).size).toBe(configKeys.length);
});

it.each([
	["telemetry_disabled", "false", false],
	["telemetry_disabled", "YES", true],
	["default_registry_version", "2", 2],
	["default_remote_registry", " s3://bucket ", "s3://bucket"],
	["default_remote_registry", "./registry", "file:///cwd/./registry"],
	["default_local_registry", "file:///srv/x", "file:///srv/x"],
	["default_install_location", "~/data", "file:///cwd/~/data"],
	["registryUrl", "https://r.example/base", "https://r.example/base"],
	["navigator_url", "https://c.example//", "https://c.example"],
	["navigator_url", "https://[::1]:8080/", "https://[::1]:8080"],
	["region", "", null],
	["other", { list: [1, null, true] }, { list: [1, null, true] }],
] as const)("normalizeSetting() stores %s: %j as %j", (key, given, stored) => {
	expect(normalize(key, given)).toEqual(stored);
});

it.each([
	["telemetry_disabled", "maybe"],
	["default_registry_version", 3],
	["default_remote_registry", "garbage"],
	["default_remote_registry", "https://h/x"],
	["default_remote_registry", "s3://bucket/prefix"],
	["default_local_registry", "s3://bucket"],
	["registryUrl", "h"],
	["registryUrl", "ftp://h"],
	["registryUrl", "https://user@h"],
	["registryUrl", "https://h:99999"],
	["navigator_url", 7],
	["navigator_url", "https://h\u202e"],
	["region", "eu.evil.example"],
	["region", "-x"],
	["some_url", "nope"],
	["bad key", 1],
	["other", () => 1],
	["other", new Map()],
	["other", 1e21],
	["other", Number.NaN],
	["other", "a\u0085b"],
	["other", "\ud800"],
	["other", ["<<"]],
	["other", { "<<": 1 }],
] as const)("normalizeSetting() refuses %s: %j", (key, value) => {
	expect(() => normalize(key, value)).toThrow(
		expect.toSatisfy((error) => isBaleError(error, "InvalidConfig")),
	);
});

it("readSetting() accepts what quilt3 may have stored, except what cannot be used safely", () => {
	expect(readSetting("telemetry_disabled", "false", "x")).toBe(false);
	expect(readSetting("telemetry_disabled", null, "x")).toBe(false);
	expect(readSetting("default_remote_registry", ":::", "x")).toBe(":::");
	expect(readSetting("registryUrl", "", "x")).toBeNull();
	expect(() => readSetting("region", "a/b", "x")).toThrow("region");
	expect(() => readSetting("default_local_registry", "/srv", "x")).toThrow("file: URL");
});

it("planCatalog() changes the six keys of a catalog and nothing else", () => {
	const changes = planCatalog(
		new Map(),
		new Map([["registryUrl", "https://r.example"]]),
		"https://c.example",
		places,
	);
	expect(Object.fromEntries(changes)).toEqual({
		navigator_url: "https://c.example",
		registryUrl: "https://r.example",
		s3Proxy: null,
		apiGatewayEndpoint: null,
		binaryApiGatewayEndpoint: null,
	});
	const second = planCatalog(
		new Map([["navigator_url", "https://b.example"]]),
		new Map(),
		"https://c.example",
		places,
	);
	expect(new Set(second.keys())).toEqual(new Set([...changes.keys(), "region"]));
});
