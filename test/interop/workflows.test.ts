/** quilt3 and bale publish in one registry whose workflows decide: the same verdicts, headers and top hashes. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { BaleError } from "../../src/core/errors.ts";
import { Package } from "../../src/index.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { Quilt3, Quilt3Error } from "./quilt3.ts";
import { packageFrom, type Step } from "./steps.ts";

const directory = makeTemporaryDirectory();
const registry = join(directory, "a registry");
const schemas = join(directory, "schemas");
const quilt3 = new Quilt3();

afterAll(async () => {
	await quilt3.close();
	removeDirectory(directory);
});

beforeEach(() => {
	rmSync(registry, { recursive: true, force: true });
	for (const folder of [join(registry, ".quilt/workflows"), schemas]) mkdirSync(folder, { recursive: true });
	for (const [name, text] of Object.entries(files)) writeFileSync(join(schemas, name), text);
	writeFileSync(join(directory, "data.txt"), "data");
});

const files = {
	"meta data.json": JSON.stringify({
		type: "object",
		required: ["species"],
		properties: {
			species: { enum: ["cat", "dog", 1] },
			legs: { type: "integer", multipleOf: 2, maximum: 1e30 },
			names: { uniqueItems: true, items: { pattern: "^(?i:[a-zß-ÿ]+)\\Z", maxLength: 3 } },
		},
		dependencies: { names: ["legs"] },
		additionalProperties: false,
	}),
	"entries.json": JSON.stringify({
		contains: { properties: { logical_key: { pattern: "(?P<name>read)me\\.md$" } } },
		items: { properties: { size: { multipleOf: 2 }, meta: { maxProperties: 1 } } },
	}),
};

const config = (extra: string): string => `version: {base: "1.1", catalog: "1.0"}
${extra}
workflows:
  all: &all
    name: All
    handle_pattern: (?x) ^ lab/ \\w+ $
    metadata_schema: m
    is_message_required: on
  both:
    <<: *all
    entries_schema: e
  free: {name: Free}
  broken: {name: Broken, handle_pattern: "(?<js>x)"}
schemas:
  m: {url: "file://${schemas.replaceAll(" ", "%20")}/meta%20data.json"}
  e: {url: "file://${schemas.replaceAll(" ", "%20")}/entries.json"}
`;

type Call = {
	readonly name: string;
	readonly message: string | null;
	readonly workflow?: string | null;
	readonly steps: readonly Step[];
};

const meta = (json: string): Step => ({ op: "set_meta", meta_json: json });
const file = (key: string, json?: string): Step => ({
	op: "set",
	key,
	src: join(directory, "data.txt"),
	...(json === undefined ? {} : { meta_json: json }),
});

const metas = [
	'{"species": "cat"}',
	'{"species": 1.0}',
	'{"species": true}',
	'{"species": "cat", "legs": 4.0}',
	'{"species": "cat", "legs": 3}',
	'{"species": "cat", "legs": 12345678901234567890123456789012}',
	'{"species": "cat", "legs": 4, "names": ["Äé", "b"]}',
	'{"species": "cat", "legs": 4, "names": ["b\\n"]}',
	'{"species": "cat", "legs": 4, "names": ["😀"]}',
	'{"species": "cat", "names": []}',
	'{"species": "cat", "legs": 2, "names": ["a", "a"]}',
	'{"species": "cat", "x": 1}',
	"null",
	"[]",
];

const calls: readonly Call[] = [
	...metas.map((json) => ({
		name: "lab/cats",
		message: "m",
		workflow: "all",
		steps: [meta(json), file("a")],
	})),
	{ name: "lab/cats", message: "", workflow: "all", steps: [meta(metas[0] ?? "")] },
	{ name: "zoo/cats", message: "m", workflow: "all", steps: [meta(metas[0] ?? "")] },
	{ name: "lab/cats", message: "m", workflow: "both", steps: [meta(metas[0] ?? ""), file("x/readme.md")] },
	{ name: "lab/cats", message: "m", workflow: "both", steps: [meta(metas[0] ?? ""), file("README.md")] },
	{
		name: "lab/cats",
		message: "m",
		workflow: "both",
		steps: [meta(metas[0] ?? ""), file("b"), file("readme.md", '{"a": 1, "b": 2.0}')],
	},
	{ name: "lab/cats", message: null, workflow: "free", steps: [] },
	{ name: "lab/cats", message: null, workflow: "broken", steps: [] },
	{ name: "lab/cats", message: null, workflow: "nope", steps: [] },
	{ name: "lab/cats", message: "m", workflow: null, steps: [meta(metas[0] ?? "")] },
	{ name: "lab/cats", message: "m", steps: [meta(metas[0] ?? "")] },
];

const kinds: Readonly<Record<string, readonly string[]>> = {
	WorkflowValidationError: ["WorkflowRejected"],
	ConfigurationError: ["InvalidWorkflow"],
	UnsupportedConfigurationVersionError: ["InvalidWorkflow"],
	error: ["InvalidWorkflow"],
	QuiltException: ["InvalidArgument", "WorkflowRejected", "InvalidWorkflow"],
};

async function ours(call: Call): Promise<{ topHash: string; manifest: string } | BaleError> {
	const { name, steps, ...options } = call;
	try {
		const topHash = await (await packageFrom(steps)).build(name, registry, options);
		return { topHash, manifest: readFileSync(join(registry, ".quilt/packages", topHash), "utf8") };
	} catch (error) {
		if (error instanceof BaleError) return error;
		throw error;
	}
}

async function theirs(call: Call): Promise<{ topHash: string; manifest: string } | Quilt3Error> {
	const { name, steps, message, ...options } = call;
	try {
		const { top_hash, manifest } = await quilt3.build(name, registry, steps, message, options);
		return { topHash: top_hash, manifest };
	} catch (error) {
		if (error instanceof Quilt3Error) return error;
		throw error;
	}
}

describe.each([
	["a workflow is required", "", 6],
	["one is the default", "default_workflow: free", 7],
	["none is required", "is_workflow_required: no", 8],
	["the default does not exist", "default_workflow: ghost", 6],
	["a key is unknown", "workflow: x", 0],
	["the version is too new", 'version: "1.2"', 0],
])("where %s", (_, extra, expected) => {
	it("both clients accept and refuse the same, with the same manifest", async () => {
		writeFileSync(join(registry, ".quilt/workflows/config.yml"), config(extra));
		let accepted = 0;
		for (const call of calls) {
			const [mine, python] = [await ours(call), await theirs(call)];
			const told = JSON.stringify(call);
			if (mine instanceof BaleError) {
				expect(python, `${told}\n${mine.message}`).toBeInstanceOf(Quilt3Error);
				expect(kinds[(python as Quilt3Error).type], told).toContain(mine.code);
			} else {
				expect(python, told).toEqual(mine);
				accepted += 1;
			}
		}
		expect(accepted).toBe(expected);
	}, 120_000);
});

it("what one client published under a workflow, the other builds again, elsewhere and here", async () => {
	writeFileSync(join(registry, ".quilt/workflows/config.yml"), config("is_workflow_required: false"));
	const call: Call = {
		name: "lab/cats",
		message: "m",
		workflow: "all",
		steps: [meta(metas[0] ?? ""), file("a")],
	};
	const mine = await ours(call);
	if (mine instanceof BaleError) throw mine;
	const elsewhere = join(directory, "elsewhere");
	const revision = { name: "lab/cats", registry };
	const again = await quilt3.rebuild(revision, { new_registry: elsewhere, message: "m" });
	const package_ = await Package.browse("lab/cats", { registry });
	expect(package_.topHash).toBe(mine.topHash);
	expect(await package_.build("lab/cats", join(directory, "elsewhere of bale"), { message: "m" })).toBe(
		again.top_hash,
	);
	// Here the default is no workflow, which is recorded as such.
	const here = await quilt3.rebuild(revision, { new_registry: registry, new_name: "lab/dogs", message: "m" });
	expect(
		await (await Package.browse("lab/cats", { registry })).build("lab/dogs", registry, { message: "m" }),
	).toBe(here.top_hash);
	expect(here.top_hash).not.toBe(again.top_hash);
});
