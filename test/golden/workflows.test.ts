/** quilt3's workflow cases: the same packages into a store that poses as quilt3's bucket, with the same verdict and hash. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BaleError, type ErrorCode } from "../../src/core/errors.ts";
import { formatManifestJson, parseJson, type Json, type JsonObject } from "../../src/core/json.ts";
import { parsePhysicalKey } from "../../src/core/physical-key.ts";
import { PackageEntry } from "../../src/client/entry.ts";
import { userOrigin } from "../../src/client/origin.ts";
import { MemoryStore, Package, type Store } from "../../src/index.ts";
import { failure } from "../client/support/failure.ts";
import { newMachine, type Machine } from "../client/support/machine.ts";
import { goldenJson, goldenText } from "./data.ts";

/** Read exactly, since `42.0` and `42` are different metadata. */
const golden = parseJson(goldenText("peripherals/workflows/cases.json")) as JsonObject;
const cases = golden.get("cases") as readonly JsonObject[];

function member(value: Json | undefined, ...path: readonly string[]): Json | undefined {
	return path.reduce<Json | undefined>(
		(at, key) => (at instanceof Map ? (at as JsonObject).get(key) : undefined),
		value,
	);
}

function text(value: Json | undefined): string {
	if (typeof value !== "string") throw new TypeError("a text was expected");
	return value;
}

const configKey = ".quilt/workflows/config.yml";
const encode = (content: string): Uint8Array => new TextEncoder().encode(content);

/** A bucket in memory with the schemas of the cases. */
async function bucketOfCases(name: string, config: string | undefined): Promise<MemoryStore> {
	const bucket = new MemoryStore({ root: { kind: "s3", bucket: name, key: "" } });
	const files = new Map<string, string>();
	for (const [url, schema] of member(golden, "schemas") as JsonObject)
		files.set(url, formatManifestJson(schema));
	for (const [url, content] of member(golden, "raw_schema_files") as JsonObject)
		files.set(url, text(content));
	for (const [url, content] of files) await bucket.put(url.replace("s3://wf-plain/", ""), encode(content));
	if (config !== undefined) await bucket.put(configKey, encode(config));
	return bucket;
}

/** A bucket whose objects all have the version "v1". */
function versioned(bucket: MemoryStore): Store {
	return new Proxy<Store>(bucket, {
		get(target, name) {
			if (name === "get") {
				return async (...args: Parameters<Store["get"]>) => {
					const found = await target.get(...args);
					return found && { ...found, info: { ...found.info, versionId: "v1" } };
				};
			}
			const own: unknown = Reflect.get(target, name, target);
			return typeof own === "function" ? (own.bind(target) as unknown) : own;
		},
	});
}

function machineWith(buckets: { readonly [name: string]: Store }): Machine {
	return newMachine({
		change: (platform) => ({
			openStore(location) {
				const name = /^s3:\/\/([^/]+)/.exec(location)?.[1];
				if (name === undefined) return platform.openStore(location);
				const bucket = buckets[name];
				if (bucket !== undefined) return Promise.resolve(bucket);
				return Promise.reject(new BaleError("ObjectNotFound", `There is no bucket ${name}`));
			},
		}),
	});
}

async function packageOf(call: Json | undefined, machine: Machine): Promise<Package> {
	const made = new Package();
	for (const [key, entry] of member(call, "entries") as JsonObject) {
		const folder = machine.folder(`files/${key}.d`, { file: text(member(entry, "text")) });
		const meta = member(entry, "meta");
		await made.set(key, `${folder}/file`, meta === undefined ? {} : { meta });
	}
	const meta = member(call, "meta");
	if (meta !== "<unset>") made.setMeta(meta);
	return made;
}

function optionsOf(call: Json | undefined): { message: string | null; workflow?: string | null } {
	const workflow = member(call, "workflow");
	return {
		message: (member(call, "message") ?? null) as string | null,
		// The case with a number tests that it is refused.
		...(workflow === "<unspecified>" ? {} : { workflow: workflow as string | null }),
	};
}

const codeOfClass: Readonly<Record<string, ErrorCode>> = {
	"quilt3.workflows.WorkflowValidationError": "WorkflowRejected",
	"quilt3.workflows.ConfigurationError": "InvalidWorkflow",
	"quilt3.workflows.UnsupportedConfigurationVersionError": "InvalidWorkflow",
	"builtins.TypeError": "InvalidArgument",
	TypeError: "InvalidArgument",
};

/** quilt3 has one class for choices that cannot be made; bale tells who has to do something. */
function codeFor(one: JsonObject): ErrorCode {
	const errorClass = text(member(one, "result", "error_class"));
	const gist = text(member(one, "result", "gist"));
	if (/(^|\.)error$/.test(errorClass)) return "InvalidWorkflow";
	const known = codeOfClass[errorClass];
	if (known !== undefined) return known;
	expect(errorClass).toBe("quilt3.util.QuiltException");
	if (gist.includes("$ref")) return "InvalidWorkflow";
	if (gist === "a workflow must be chosen") return "WorkflowRejected";
	return member(one, "case") === "default-not-declared" ? "InvalidWorkflow" : "InvalidArgument";
}

async function headerIn(store: Store, topHash: string): Promise<string> {
	const manifest = await store.get(`.quilt/packages/${topHash}`);
	return ((await new Response(manifest?.body).text()).split("\n")[0] ?? "").replaceAll('"v1"', '"<version>"');
}

/** Python prints the same keys in the same order, with blanks. */
function headerText(header: Json | undefined): string {
	return formatManifestJson(header ?? null);
}

describe("workflows of quilt3", () => {
	test("all cases are here", () => {
		expect(cases.length).toBe(125);
	});

	test.for(cases.map((one, index) => [text(one.get("case")), index] as const))("%s", async ([, index]) => {
		const one = cases[index] as JsonObject;
		const config = one.get("config");
		const bucket = await bucketOfCases("wf-plain", config === null ? undefined : text(config));
		const machine = machineWith({ "wf-plain": bucket });
		const call = one.get("call");
		const made = await packageOf(call, machine);
		const built = made.build(text(member(call, "name")), "s3://wf-plain", optionsOf(call));
		if (member(one, "result", "ok") === true) {
			const topHash = await built;
			expect(topHash).toBe(member(one, "result", "top_hash"));
			expect(await headerIn(bucket, topHash)).toBe(headerText(member(one, "result", "manifest_header")));
		} else {
			await failure(built, codeFor(one));
			for await (const item of bucket.list(".quilt/packages/")) expect(item).toBeUndefined();
			for await (const item of bucket.list(".quilt/named_packages/")) expect(item).toBeUndefined();
		}
	});

	test("a bucket with versions: the header names the versions that were read", async () => {
		const expected = golden.get("versioned_bucket") as readonly JsonObject[];
		expect(expected.length).toBe(4);
		for (const item of expected) {
			const one = cases.find((other) => other.get("case") === item.get("case"));
			const config = text(one?.get("config")).replaceAll("s3://wf-plain/", "s3://wf-versioned/");
			const bucket = versioned(await bucketOfCases("wf-versioned", config));
			const machine = machineWith({ "wf-versioned": bucket });
			const call = one?.get("call");
			const made = await packageOf(call, machine);
			const pushed = await made.push(text(member(call, "name")), "s3://wf-versioned", optionsOf(call));
			const header = (await headerIn(bucket, pushed.topHash)).replaceAll(
				"versionId=v1",
				"versionId=<version>",
			);
			expect(header).toBe(headerText(item.get("manifest_header")));
		}
	});

	test("a directory with schemas in a bucket: the configuration is named by a file URL", async () => {
		const full = cases.find((one) => one.get("case") === "full/default-ok");
		const machine = machineWith({ "wf-plain": await bucketOfCases("wf-plain", undefined) });
		const registry = machine.folder("registry", { [configKey]: text(full?.get("config")) });
		const made = new Package();
		made.setMeta({ answer: 1 });
		const topHash = await made.build("lab/raw", registry, { message: "m" });
		const [header] = readFileSync(`${registry}/.quilt/packages/${topHash}`, "utf8").split("\n");
		const expected = headerText(member(golden, "local_registry", "manifest_header"));
		expect(header).toBe(expected.replace("$REG", registry));
	});

	test("a registry without configuration drops the workflow, and install keeps it", async () => {
		const full = cases.find((one) => one.get("case") === "full/default-ok");
		const bucket = await bucketOfCases("wf-plain", text(full?.get("config")));
		const machine = machineWith({ "wf-plain": bucket });
		const made = new Package();
		made.setMeta({ answer: 1 });
		const topHash = await made.build("lab/raw", "s3://wf-plain", { message: "m" });

		await Package.install("lab/raw", { registry: "s3://wf-plain", dest: machine.path("installed") });
		const installed = await Package.browse("lab/raw");
		expect(installed.topHash).toBe(topHash);
		expect(installed.workflow).toMatchObject({ id: "checked" });

		const rebuilt = await installed.build("lab/raw", machine.path("elsewhere"), { message: "m" });
		expect(rebuilt).not.toBe(topHash);
		const elsewhere = await Package.browse("lab/raw", { registry: machine.path("elsewhere") });
		expect(elsewhere.workflow).toBeUndefined();
		expect(golden.get("carry_over")).toEqual(
			new Map<string, Json>([
				["browse_then_build_elsewhere_drops_workflow", true],
				["top_hash_changed", true],
				["had_workflow_before", true],
				["install_keeps_workflow_field", true],
				["install_keeps_top_hash", true],
				["build_message_dropped_when_not_passed", null],
			]),
		);
	});

	test.for(["29-workflow-default", "30-workflow-none", "31-workflow-named"])("core case %s", async (id) => {
		type Step = {
			readonly op: string;
			readonly meta_json: string;
			readonly key: string;
			readonly physical_key: string;
			readonly size: number;
			readonly hash: { readonly type: string; readonly value: string };
			readonly name: string;
			readonly message: string | null;
			readonly workflow?: string | null;
		};
		const {
			steps,
			workflow_config,
			workflow_schemas,
			expect: expected,
		} = goldenJson(`core/cases/${id}/case.json`) as {
			readonly steps: readonly Step[];
			readonly workflow_config: unknown;
			readonly workflow_schemas: Readonly<Record<string, unknown>>;
			readonly expect: { readonly top_hash: string };
		};
		const bucket = new MemoryStore({ root: { kind: "s3", bucket: "golden-flat", key: "" } });
		await bucket.put(configKey, encode(JSON.stringify(workflow_config)));
		for (const [key, schema] of Object.entries(workflow_schemas))
			await bucket.put(key, encode(JSON.stringify(schema)));
		machineWith({ "golden-flat": bucket });
		const made = new Package();
		const built: string[] = [];
		for (const step of steps) {
			if (step.op === "set_meta") made.setMeta(parseJson(step.meta_json));
			if (step.op === "set_entry") {
				const { size, hash } = step;
				const physicalKey = parsePhysicalKey(step.physical_key);
				await made.set(step.key, new PackageEntry({ physicalKey, size, hash, meta: new Map() }, userOrigin));
			}
			if (step.op !== "build") continue;
			const { message, workflow } = step;
			const options = { message, ...(workflow === undefined ? {} : { workflow }) };
			built.push(await made.build(step.name, "s3://golden-flat", options));
		}
		expect(built).toEqual([expected.top_hash]);
	});
});
