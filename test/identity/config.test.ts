import { chmod, mkdir, readdir, stat, symlink, lstat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { settingsFromConfig } from "../../src/node/settings.ts";
import type { Machine } from "./machine.ts";
import { makeMachine } from "./machine.ts";
import type { Reply, StubServer } from "./stub-server.ts";
import { json, startStub } from "./stub-server.ts";

let machine: Machine;
let stub: StubServer;
let document: () => Reply;

beforeEach(async () => {
	machine = await makeMachine();
	stub = await startStub(() => document());
});
afterEach(async () => {
	await stub.close();
	await machine.remove();
});

async function writeConfig(text: string): Promise<void> {
	await mkdir(machine.places.data, { recursive: true });
	await writeFile(join(machine.places.data, "config.yml"), text);
}

it("config() changes nothing but the keys that are set", async () => {
	const text = [
		"# Settings of Ann",
		"",
		"zebra: [ 1, { a: b } ] # kept",
		"telemetry_disabled: yes",
		"",
		"# where the data live",
		'default_remote_registry: "s3://old" # until May',
		"on: off",
		"",
	].join("\n");
	await writeConfig(text);
	await machine.newIdentity().config({ defaultRemoteRegistry: "s3://new" });
	expect(await machine.read("config.yml")).toBe(text.replace('"s3://old"', "s3://new"));
	document = () => json({ registryUrl: "https://registry.example" });
	await machine.newIdentity().config(stub.origin);
	const after = (await machine.read("config.yml")) ?? "";
	for (const line of text.replace('"s3://old"', "s3://new").split("\n")) expect(after).toContain(line);
	expect(await machine.newIdentity().config()).toMatchObject({
		registryUrl: "https://registry.example",
		defaultRemoteRegistry: "s3://new",
		telemetryDisabled: true,
	});
});

it("config() quotes text that PyYAML would not read as text, at every depth", async () => {
	await machine.newIdentity().config({ other: ["=", "1:30", { "~": "~", no: "0o7" }] });
	expect(await machine.read("config.yml")).toContain("other:\n- '='\n- '1:30'\n- '~': '~'\n  'no': '0o7'\n");
});

it("config() reads YAML as PyYAML does", async () => {
	await writeConfig("region: y\nn: 1\ndate: 2020-01-01\nflag: yes\nregion: n\n");
	expect(await machine.newIdentity().config()).toMatchObject({
		region: "n",
		n: 1,
		date: "2020-01-01",
		flag: true,
	});
});

it("config() keeps every change of many writers", async () => {
	await Promise.all(
		Array.from({ length: 30 }, (_, index) =>
			machine.newIdentity().config({ [`key_${String(index)}`]: index }),
		),
	);
	const config = await machine.newIdentity().config();
	for (let index = 0; index < 30; index += 1) expect(config[`key_${String(index)}`]).toBe(index);
	expect(await machine.files()).toEqual(["config.yml"]);
});

it("config() keeps a comment-only file and its permissions, and writes through a symbolic link", async () => {
	await writeConfig("# nothing yet\n");
	const path = join(machine.places.data, "config.yml");
	await chmod(path, 0o640);
	await machine.newIdentity().config({ region: "eu-west-1" });
	expect(await machine.read("config.yml")).toBe("# nothing yet\n\nregion: eu-west-1\n");
	expect((await stat(path)).mode & 0o777).toBe(0o640);
	const target = join(machine.root, "dotfiles.yml");
	await writeFile(target, "region: a\n");
	await machine.remove();
	await mkdir(machine.places.data, { recursive: true });
	await writeFile(target, "region: a\n");
	await symlink(target, path);
	await machine.newIdentity().config({ region: "b" });
	expect((await lstat(path)).isSymbolicLink()).toBe(true);
	expect(await machine.read("config.yml")).toBe("region: b\n");
});

it("config() moves a broken file aside when something is written", async () => {
	for (const text of ["", "a: [", "- 1", "just text"]) {
		await writeConfig(text);
		machine.warnings.length = 0;
		expect((await machine.newIdentity().config()).region).toBeNull();
		expect(await machine.files()).not.toContain("config.yml.broken.*");
		await machine.newIdentity().config({ region: "eu-west-1" });
		expect((await machine.newIdentity().config()).region).toBe("eu-west-1");
		const aside = (await readdir(machine.places.data)).filter((name) => name.startsWith("config.yml.broken"));
		expect(aside).toHaveLength(1);
		expect(await machine.read(aside[0] ?? "")).toBe(text);
		expect(new Set(machine.warnings.map(({ code }) => code))).toEqual(
			new Set(["ConfigBroken", "ConfigMovedAside"]),
		);
		await machine.remove();
	}
});

it("config() refuses a file full of aliases and one that is too large", async () => {
	let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
	for (let level = 1; level < 9; level += 1) {
		bomb += `a${String(level)}: &a${String(level)} [${Array(9)
			.fill(`*a${String(level - 1)}`)
			.join(", ")}]\n`;
	}
	await writeConfig(bomb);
	expect((await machine.newIdentity().config()).region).toBeNull();
	expect(machine.warnings.map(({ code }) => code)).toEqual(["ConfigBroken"]);
	await writeConfig(`x: ${"y".repeat(1024 * 1024)}\n`);
	const error = await machine
		.newIdentity()
		.config()
		.catch((reason: unknown) => reason);
	expect(isBaleError(error, "LimitExceeded")).toBe(true);
});

it("config() refuses documents of a hostile catalog, and then changes nothing", async () => {
	await machine.newIdentity().config({ region: "mine" });
	const before = await machine.read("config.yml");
	const hostile: Reply[] = [
		json({ region: "evil.example/x" }),
		json({ registryUrl: "http://registry.example" }),
		json({ registryUrl: "https://user:password@registry.example" }),
		json({ registryUrl: "javascript:alert(1)" }),
		json({ registryUrl: 7 }),
		json({ navigator_url: "https://h\u0000.example" }),
		json("text"),
		json(null),
		{ status: 200, body: `{"x": "${"y".repeat(1024 * 1024)}"}` },
		{ status: 200, body: '{"registryUrl": "https://r' },
		{ status: 404 },
		{ status: 302, headers: { Location: "/config.json" } },
	];
	for (const reply of hostile) {
		document = () => reply;
		const error = await machine
			.newIdentity()
			.config(stub.origin)
			.catch((reason: unknown) => reason);
		expect(isBaleError(error, "InvalidConfig", "LimitExceeded")).toBe(true);
		expect(await machine.read("config.yml")).toBe(before);
	}
	expect(await machine.files()).toEqual(["config.yml"]);
});

it("config() replaces what the catalog before set, and keeps a region of the user's own", async () => {
	await machine.newIdentity().config({ region: "mine" });
	document = () => json({ registryUrl: "https://first.example", s3Proxy: "https://proxy.example" });
	expect((await machine.newIdentity().config(`${stub.origin}/first`)).region).toBe("mine");
	document = () => json({ registryUrl: "https://second.example" });
	expect(await machine.newIdentity().config(`${stub.origin}/second`)).toMatchObject({
		registryUrl: "https://second.example",
		s3Proxy: null,
		region: null,
	});
});

it("settings() tells origins: flag, environment, file, default", async () => {
	await writeConfig(
		"region: file\ndefault_remote_registry: s3://file\ndefault_install_location: file:///file\n",
	);
	machine.env["BALE_REGION"] = "environment";
	machine.env["BALE_DEFAULT_REMOTE_REGISTRY"] = "s3://environment";
	machine.env["QUILT_DISABLE_USAGE_METRICS"] = "1";
	const settings = await machine.newIdentity().settings({ region: "flag" });
	const found = Object.fromEntries(settings.map(({ key, ...rest }) => [key, rest]));
	expect(found["region"]).toEqual({ value: "flag", origin: "flag" });
	expect(found["default_remote_registry"]).toEqual({
		value: "s3://environment",
		origin: "environment",
		source: "BALE_DEFAULT_REMOTE_REGISTRY",
	});
	expect(found["default_install_location"]).toEqual({
		value: "file:///file",
		origin: "file",
		source: join(machine.places.data, "config.yml"),
	});
	expect(found["registryUrl"]).toEqual({ value: null, origin: "default" });
	expect(found["telemetry_disabled"]?.source).toBe("QUILT_DISABLE_USAGE_METRICS");
});

it("config() names the variable that cannot be used", async () => {
	machine.env["BALE_DEFAULT_REGISTRY_VERSION"] = "3";
	const error = await machine
		.newIdentity()
		.config()
		.catch((reason: unknown) => reason);
	expect(isBaleError(error, "InvalidConfig")).toBe(true);
	expect(String(error)).toContain("BALE_DEFAULT_REGISTRY_VERSION");
});

it("config({ key: null }) gives a key its default again", async () => {
	const bale = machine.newIdentity();
	const defaults = await bale.config();
	await bale.config({
		defaultLocalRegistry: "/srv/a b",
		telemetryDisabled: "true",
		defaultRegistryVersion: "2",
	});
	expect(await bale.config()).toMatchObject({
		defaultLocalRegistry: "file:///srv/a%20b",
		telemetryDisabled: true,
		defaultRegistryVersion: 2,
	});
	await bale.config({
		default_local_registry: null,
		telemetry_disabled: null,
		default_registry_version: null,
	});
	expect(await bale.config()).toEqual(defaults);
});

it("settingsFromConfig() answers from flags, environment and the file", async () => {
	await writeConfig("default_remote_registry: s3://file\n");
	const { places, env } = machine;
	const settings = settingsFromConfig({ places, env });
	expect(await settings.remoteRegistry()).toBe("s3://file");
	expect(await settings.localRegistry()).toBe(`file://${places.data}/packages`);
	expect(await settings.installLocation()).toBeUndefined();
	expect(
		await settingsFromConfig({ places, env, flags: { defaultRemoteRegistry: "s3://flag" } }).remoteRegistry(),
	).toBe("s3://flag");
	expect(settings.maxRecordSize()).toBe(1_000_000);
	expect(settingsFromConfig({ places, env: { QUILT_MANIFEST_MAX_RECORD_SIZE: "5" } }).maxRecordSize()).toBe(
		5,
	);
	expect(() =>
		settingsFromConfig({ places, env: { QUILT_MANIFEST_MAX_RECORD_SIZE: "x" } }).maxRecordSize(),
	).toThrow("QUILT_MANIFEST_MAX_RECORD_SIZE");
});
