import { existsSync, rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
	BaleError,
	checkWorkflow,
	MemoryStore,
	Package,
	readWorkflow,
	readWorkflows,
	type Store,
	type WorkflowViolation,
} from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { readFiles } from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

const config = `version: "1"
default_workflow: checked
workflows:
  checked:
    name: Checked
    description: For everyone
    is_message_required: yes
    handle_pattern: ^lab/
    metadata_schema: animal
    entries_schema: files
  free:
    name: Free
schemas:
  animal:
    url: file://SCHEMAS/animal.json
  files:
    url: file://SCHEMAS/files.json
`;

const schemas = {
	"animal.json": JSON.stringify({
		type: "object",
		required: ["species", "legs"],
		properties: { legs: { type: "integer" }, "a/b~c": { const: 1 } },
	}),
	"files.json": JSON.stringify({
		items: { properties: { size: { minimum: 1 }, meta: { required: ["owner"] } } },
		contains: { properties: { logical_key: { const: "README.md" } } },
	}),
};

/** A registry of its own with the configuration above, or another. */
function registryWith(machine: Machine, text = config): string {
	const folder = machine.folder("schemas", schemas);
	return machine.folder("registry", { ".quilt/workflows/config.yml": text.replaceAll("SCHEMAS", folder) });
}

async function candidate(machine: Machine): Promise<Package> {
	const made = new Package();
	await made.setDir(".", machine.folder("files", { "a.txt": "", "b/c.txt": "x" }));
	return made.setMeta({ legs: 4.5, "a/b~c": true });
}

const expected = [
	{ about: "message", pointer: "", message: "is required" },
	{ about: "name", pointer: "", message: 'must match the pattern "^lab/", but is "zoo/cats"' },
	{ about: "metadata", pointer: "", message: 'must have the key "species"' },
	{ about: "metadata", pointer: "/legs", message: "must be of type integer, but is 4.5" },
	{ about: "metadata", pointer: "/a~1b~0c", message: "must be 1, but is true" },
	{ about: "entries", key: "a.txt", pointer: "/0/size", message: "must be at least 1, but is 0" },
	{ about: "entries", key: "a.txt", pointer: "/0/meta", message: 'must have the key "owner"' },
	{ about: "entries", key: "b/c.txt", pointer: "/1/meta", message: 'must have the key "owner"' },
	{
		about: "entries",
		pointer: "",
		message: 'must have an item that fits what "contains" demands; none of 2 does',
	},
] satisfies WorkflowViolation[];

describe("publishing where a workflow decides", () => {
	test("every violation is told with its pointer, in the order of the checks, and nothing moves", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const made = await candidate(machine);
		const before = readFiles(registry);
		for (const options of [{}, { dryRun: true }, { workflow: "checked", force: true }]) {
			for (const run of [
				() => made.build("zoo/cats", registry, options),
				() => made.push("zoo/cats", registry, options),
			]) {
				const error = await failure(run(), "WorkflowRejected");
				expect(error.exitCode).toBe(14);
				expect(error.details).toMatchObject({ workflow: "checked", count: 9, violations: expected });
			}
		}
		expect(readFiles(registry)).toEqual(before);
		expect(machine.moved).toMatchObject({ hashed: 0, copied: 0 });
	});

	test("what fits is published, and the header records what was checked", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const made = new Package();
		await made.set("README.md", `${machine.folder("files", { readme: "hi" })}/readme`, {
			meta: { owner: "me" },
		});
		made.setMeta({ species: "cat", legs: 4 });
		const pushed = await made.push("lab/cats", registry, { message: "m" });
		const files = `file://${machine.path("schemas")}`;
		const record = {
			id: "checked",
			config: `file://${registry}/.quilt/workflows/config.yml`,
			schemas: { animal: `${files}/animal.json`, files: `${files}/files.json` },
		};
		expect(pushed.workflow).toEqual(record);
		const again = await Package.browse("lab/cats", { registry });
		expect(again.workflow).toEqual(record);
		expect(Object.keys(again.workflow as object)).toEqual(["id", "config", "schemas"]);
		// A workflow is part of the top hash.
		const free = await made.build("lab/cats", registry, { message: "m", workflow: "free" });
		expect(free).not.toBe(again.topHash);
	});

	test("the workflow is chosen by its id, explicitly none, or by default", async () => {
		const machine = newMachine();
		const optional = config.replace("default_workflow: checked", "is_workflow_required: off");
		const registry = registryWith(machine, optional);
		const idOf = async (options: { workflow?: string | null }): Promise<unknown> => {
			const made = new Package();
			await made.build("lab/x", registry, options);
			return (made.workflow as { id: unknown }).id;
		};
		expect(await idOf({})).toBe(null);
		expect(await idOf({ workflow: null })).toBe(null);
		expect(await idOf({ workflow: "free" })).toBe("free");
		const unknown = await failure(idOf({ workflow: "nope" }), "InvalidArgument");
		expect(unknown.hint).toContain("checked, free");
		const number = 5 as unknown as string;
		await failure(idOf({ workflow: number }), "InvalidArgument");

		registryWith(machine);
		await failure(idOf({ workflow: null }), "WorkflowRejected");
		registryWith(machine, config.replace("default_workflow: checked", "default_workflow: ghost"));
		await failure(idOf({}), "InvalidWorkflow");
	});

	test("an unset, an empty and a null metadata are told apart", async () => {
		const machine = newMachine();
		const registry = registryWith(machine, config.replace("handle_pattern: ^lab/", ""));
		const violations = async (made: Package): Promise<unknown> =>
			(await checkWorkflow(made, "a/b", { registry, message: "m" })).violations.filter(
				({ about }) => about === "metadata",
			);
		const missing = expected.filter(({ message }) => message.includes("species"));
		expect(await violations(new Package())).toMatchObject([
			...missing,
			{ message: 'must have the key "legs"' },
		]);
		expect(await violations(new Package().setMeta({}))).toEqual(await violations(new Package()));
		expect(await violations(new Package().setMeta(null))).toMatchObject([
			{ pointer: "", message: "must be of type object, but is null" },
		]);
	});

	test("a configuration or schema that cannot be used is refused with its place", async () => {
		const machine = newMachine();
		const bad: readonly (readonly [config: string, message: string])[] = [
			["", "mapping"],
			["a: [", "YAML"],
			[config.replace("name: Free", "title: Free"), '"/workflows/free"'],
			[config.replace('"1"', '"2.0"'), "too new"],
			[
				config.replace("is_message_required: yes", "is_message_required: y"),
				"/workflows/checked/is_message_required",
			],
			[config.replace("^lab/", "'(?<x>a)'"), "pattern"],
			[
				config.replace("file://SCHEMAS/animal.json", "https://example.com/animal.json"),
				"neither s3:// nor file://",
			],
			[config.replace("file://SCHEMAS/animal.json", "animal.json"), "neither s3:// nor file://"],
			[config.replace("animal.json", "nothing.json"), "nothing.json"],
			[config.replace("metadata_schema: animal", "metadata_schema: ghost"), '"ghost"'],
			[config.replace("name: Free", "name: !python/object/apply:os.system [ls]"), "tag"],
			[`${config}# ${"x".repeat(1 << 20)}`, "larger than"],
		];
		for (const [text, message] of bad) {
			const error = await failure(
				new Package().build("lab/x", registryWith(machine, text), { message: "m" }),
				"InvalidWorkflow",
			);
			expect(error.message).toContain(message);
			expect(error.exitCode).toBe(14);
		}
	});

	test("a schema with $ref, of another draft, or that is none is refused, and nothing is requested", async () => {
		const machine = newMachine({
			change: ({ openStore }) => ({
				openStore(location) {
					if (!/^[a-z0-9]+:/i.test(location)) return openStore(location);
					throw new Error(`a request to ${location}`);
				},
			}),
		});
		const registry = registryWith(machine);
		for (const schema of [
			'{"$ref": "http://127.0.0.1:1/x.json"}',
			'{"properties": {"x": {"items": [{"$ref": "file:///etc/passwd"}]}}}',
			'{"properties": {"$ref": {}}}',
			'{"$schema": "http://json-schema.org/draft-04/schema#"}',
			'{"type": "banana"}',
			"[1]",
			"{nope",
			"\uFEFF{}",
			'{"pattern": "["}',
			`${'{"not":'.repeat(5000)}true${"}".repeat(5000)}`,
			`${'{"not":'.repeat(300)}true${"}".repeat(300)}`,
		]) {
			machine.folder("schemas", { "animal.json": schema });
			await failure(new Package().build("lab/x", registry, { message: "m" }), "InvalidWorkflow");
		}
	});

	test("a configuration or schema that cannot be read is InvalidWorkflow; refusals and passing failures stay", async () => {
		for (const [file, code, becomes] of [
			["config.yml", "Unsupported", "InvalidWorkflow"],
			["config.yml", "AccessDenied", "AccessDenied"],
			["config.yml", "StoreUnavailable", "StoreUnavailable"],
			["animal.json", "AccessDenied", "InvalidWorkflow"],
			["animal.json", "ObjectNotFound", "InvalidWorkflow"],
			["animal.json", "StoreUnavailable", "StoreUnavailable"],
		] as const) {
			const store = new MemoryStore({ root: { kind: "s3", bucket: "lab", key: "" } });
			const text = config.replaceAll("file://SCHEMAS", "s3://lab/schemas");
			await store.put(".quilt/workflows/config.yml", new TextEncoder().encode(text));
			const failing = new Proxy<Store>(store, {
				get(target, name) {
					if (name === "get") {
						return (key: string) => {
							if (key.endsWith(file)) return Promise.reject(new BaleError(code, "No"));
							return target.get(key);
						};
					}
					const own: unknown = Reflect.get(target, name, target);
					return typeof own === "function" ? (own.bind(target) as unknown) : own;
				},
			});
			newMachine();
			const error = await failure(new Package().build("lab/x", failing, { message: "m" }), becomes);
			if (becomes !== code) expect(error.cause).toMatchObject({ code });
		}
	});
});

describe("hostile configurations end soon", () => {
	/** Milliseconds of processor time: the machine may be busy with others. */
	async function timed(run: () => Promise<unknown>): Promise<number> {
		const start = process.cpuUsage();
		await run();
		const { user, system } = process.cpuUsage(start);
		return (user + system) / 1000;
	}

	test.for([
		"^(a+)+$",
		"(a|a)*b$",
		"^(?:(a+)+)\\1\\1$",
		"(?=(a+)+$)x",
		"(x+x+)+y",
		"(?:a?){3000}a{3000}",
		"((a{1,99}){1,99}){1,99}",
	])("the pattern %s", async (pattern) => {
		const machine = newMachine();
		const registry = registryWith(
			machine,
			`version: "1"\nworkflows: {w: {name: W, handle_pattern: '${pattern}$'}}\n`,
		);
		const name = `lab/${"a".repeat(5000)}`;
		const time = await timed(async () => {
			const report = await checkWorkflow(new Package(), name, { registry, workflow: "w" }).catch(
				(error: unknown) => error,
			);
			const refused = report instanceof BaleError && report.code === "InvalidWorkflow";
			expect(refused || !(report as { ok: boolean }).ok).toBe(true);
		});
		expect(time).toBeLessThan(1500);
	});

	test.for([
		[
			"aliases that multiply",
			Array.from(
				{ length: 25 },
				(_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1}, *a${i - 1}`}]`,
			).join("\n"),
		],
		["brackets inside one another", `a: ${"[".repeat(100_000)}`],
		["mappings inside one another", Array.from({ length: 1000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
		["an alias to itself", "catalog: &a [*a]"],
		["a million aliases", `catalog: [&a x${", *a".repeat(250_000)}]`],
	] as const)("YAML with %s", async ([, yaml]) => {
		const machine = newMachine();
		const registry = registryWith(machine, `${yaml}\n`);
		const time = await timed(() => failure(new Package().build("lab/x", registry), "InvalidWorkflow"));
		expect(time).toBeLessThan(4000);
	});

	test("a schema that multiplies with the metadata", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const big = Array.from({ length: 20_000 }, (_, i) => `"${i}"`).join(",");
		const heavy = `{"allOf":[${Array.from({ length: 20_000 }, () => '{"items":{"type":"string","pattern":"a"}}').join(",")}]}`;
		machine.folder("schemas", { "animal.json": heavy });
		const made = new Package().setMeta(JSON.parse(`[${big}]`));
		const time = await timed(() =>
			failure(made.build("lab/x", registry, { message: "m" }), "InvalidWorkflow"),
		);
		expect(time).toBeLessThan(20_000);
	}, 60_000);
});

describe("looking at workflows", () => {
	test("readWorkflows() tells what a registry demands", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const found = await readWorkflows(registry);
		expect(found).toMatchObject({ version: "1", isRequired: true, defaultWorkflow: "checked" });
		expect(found?.workflows.map(({ id, name, description }) => [id, name, description])).toEqual([
			["checked", "Checked", "For everyone"],
			["free", "Free", undefined],
		]);
		expect(await readWorkflows(machine.path("other"))).toBeUndefined();
		expect(existsSync(machine.path("other"))).toBe(false);
	});

	test("readWorkflow() gives its schemas, and refuses what cannot be used", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const { workflow, schemas: read } = await readWorkflow("checked", registry);
		expect(workflow).toMatchObject({ isMessageRequired: true, handlePattern: "^lab/" });
		expect(read.map(({ id }) => id)).toEqual(["animal", "files"]);
		expect(read[0]?.schema).toEqual(JSON.parse(schemas["animal.json"]));
		await failure(readWorkflow("nope", registry), "InvalidArgument");
		rmSync(machine.path("schemas/files.json"));
		await failure(readWorkflow("checked", registry), "InvalidWorkflow");
		await failure(readWorkflow("checked", machine.path("other")), "InvalidArgument");
	});

	test("checkWorkflow() tells the same as push, and writes and hashes nothing", async () => {
		const machine = newMachine();
		const registry = registryWith(machine);
		const made = await candidate(machine);
		const report = await checkWorkflow(made, "zoo/cats", { registry });
		expect(report).toMatchObject({ ok: false, count: 9, violations: expected, workflow: { id: "checked" } });
		expect(machine.moved.hashed).toBe(0);
		expect(await checkWorkflow(made, "zoo/cats", { registry, workflow: "free" })).toMatchObject({
			ok: true,
			count: 0,
		});
		expect(await checkWorkflow(made, "zoo/cats", { registry: machine.path("other") })).toMatchObject({
			ok: true,
			workflow: undefined,
		});
		await failure(
			checkWorkflow(made, "zoo/cats", { registry: machine.path("other"), workflow: null }),
			"InvalidArgument",
		);
		await failure(checkWorkflow(made, "zoo", { registry }), "InvalidName");
	});
});
