/** The steps of the golden cases, as quilt3 ran them, and what they mean in bale. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parsePhysicalKey } from "../../src/core/physical-key.ts";
import { parseJson } from "../../src/core/json.ts";
import { deletePackage, Package } from "../../src/index.ts";
import { PackageEntry } from "../../src/client/entry.ts";
import { userOrigin } from "../../src/client/origin.ts";
import type { Machine } from "../client/support/machine.ts";
import { goldenBytes, goldenJson } from "./data.ts";

type Content =
	| { readonly text: string }
	| { readonly base64: string }
	| { readonly input: string }
	| { readonly gen: { size: number; mul: number; add: number; period: number } };

type Meta = { readonly meta_json?: string };
type Step =
	| ({ readonly op: "set"; readonly key: string; readonly src: string } & Meta)
	| ({
			readonly op: "set_dir";
			readonly key: string;
			readonly src: string;
			readonly update_policy?: "incoming" | "existing";
	  } & Meta)
	| { readonly op: "set_meta"; readonly at?: string; readonly meta_json: string }
	| {
			readonly op: "set_entry";
			readonly key: string;
			readonly physical_key: string;
			readonly size: number;
			readonly hash: { readonly type: string; readonly value: string };
			readonly entry_meta_json?: string;
	  }
	| ({
			readonly op: "set_object";
			readonly key: string;
			readonly value_json: string;
			readonly serialize_to: string;
	  } & Meta)
	| { readonly op: "copy_entry"; readonly key: string; readonly from: string }
	| { readonly op: "delete" | "select"; readonly key: string }
	| { readonly op: "keep_prefix"; readonly prefix: string }
	| { readonly op: "load"; readonly file: string }
	| {
			readonly op: "build";
			readonly name: string;
			readonly message: string | null;
			readonly registry?: string;
			readonly time?: number;
			readonly workflow?: string | null;
	  }
	| {
			readonly op: "push";
			readonly name: string;
			readonly registry: string;
			readonly message: string | null;
			readonly dest?: string;
			readonly selector?: "all" | "local" | "none";
	  }
	| {
			readonly op: "rollback" | "delete_package";
			readonly name: string;
			readonly top_hash_of_build: number;
	  };

/** A case of `core/cases`. */
export type Case = {
	readonly id: string;
	readonly steps: readonly Step[];
	readonly files?: { readonly [path: string]: Content };
	readonly empty_dirs?: readonly string[];
	readonly posix_only?: boolean;
	/** What the bucket holds before the steps run. */
	readonly workflow_config?: object;
	readonly workflow_schemas?: { readonly [key: string]: object };
	readonly expect: {
		readonly top_hash: string;
		readonly build_top_hashes: readonly string[];
		readonly logical_keys_in_order: readonly string[];
		readonly dump_fails_with?: string;
		readonly registry_tree?: { readonly [path: string]: string | { sha256: string; bytes: number } };
	};
};

/** All cases, in the order of the index. */
export const cases = (goldenJson("core/index.json") as readonly { readonly id: string }[]).map(
	({ id }) => goldenJson(`core/cases/${id}/case.json`) as Case,
);

/** Whether a case's steps name a bucket that must exist. */
export function needsBucket({ steps }: Case): boolean {
	return steps.some((step) => "registry" in step && step.registry.startsWith("s3://"));
}

function bytesOf(id: string, content: Content): Uint8Array {
	if ("text" in content) return Buffer.from(content.text);
	if ("base64" in content) return Buffer.from(content.base64, "base64");
	if ("input" in content) return goldenBytes(`core/cases/${id}/${content.input}`)!;
	const { size, mul, add, period } = content.gen;
	const bytes = new Uint8Array(size);
	for (let i = 0; i < size; i++) bytes[i] = (i % period) * mul + add;
	return bytes;
}

function metaOf(step: Meta): { meta?: unknown } {
	return step.meta_json === undefined ? {} : { meta: parseJson(step.meta_json) };
}

/** Writes the files that a case's steps package. */
export function writeCase(golden: Case, machine: Machine): void {
	for (const [path, content] of Object.entries(golden.files ?? {})) {
		mkdirSync(dirname(machine.path(path)), { recursive: true });
		writeFileSync(machine.path(path), bytesOf(golden.id, content));
	}
	for (const path of golden.empty_dirs ?? []) mkdirSync(machine.path(path), { recursive: true });
}

/**
 * Runs a case's steps; the package at the end, and the hash of every build and push. What the case builds in a
 * directory goes to the machine's own.
 */
export async function runSteps(golden: Case, machine: Machine): Promise<{ made: Package; built: string[] }> {
	const registry = machine.path("registry");
	let made = new Package();
	const built: string[] = [];
	for (const step of golden.steps) {
		switch (step.op) {
			case "set":
				await made.set(step.key, machine.path(step.src), metaOf(step));
				break;
			case "set_dir":
				await made.setDir(step.key, machine.path(step.src), {
					...metaOf(step),
					...(step.update_policy === undefined ? {} : { updatePolicy: step.update_policy }),
				});
				break;
			case "set_meta":
				(step.at === undefined ? made : made.at(step.at.replace(/\/$/, ""))).setMeta(
					parseJson(step.meta_json),
				);
				break;
			case "set_entry": {
				const meta = parseJson(step.entry_meta_json ?? "{}") as ReadonlyMap<string, never>;
				const physicalKey = parsePhysicalKey(step.physical_key);
				await made.set(
					step.key,
					new PackageEntry({ physicalKey, size: step.size, hash: step.hash, meta }, userOrigin),
				);
				break;
			}
			case "set_object":
				await made.set(step.key, parseJson(step.value_json) as object, {
					location: machine.path(step.serialize_to),
					...metaOf(step),
				});
				break;
			case "copy_entry":
				await made.set(step.key, made.entry(step.from));
				break;
			case "delete":
				made.delete(step.key);
				break;
			case "select":
				made = made.subpackage(step.key);
				break;
			case "keep_prefix":
				made = made.filter((key) => key.startsWith(step.prefix));
				break;
			case "load":
				made = await Package.load(goldenBytes(`core/cases/${golden.id}/${step.file}`)!);
				break;
			case "build":
				if (step.time !== undefined) machine.clock.now = step.time * 1000;
				built.push(
					await made.build(
						step.name,
						step.registry?.startsWith("s3://") === true ? step.registry : registry,
						{
							message: step.message,
							...(step.workflow === undefined ? {} : { workflow: step.workflow }),
						},
					),
				);
				break;
			case "rollback":
				await Package.rollback(step.name, registry, built[step.top_hash_of_build]!);
				break;
			case "delete_package":
				await deletePackage(step.name, registry, { topHash: built[step.top_hash_of_build]! });
				break;
			case "push":
				made = await made.push(step.name, step.registry, {
					message: step.message,
					force: true,
					...(step.dest === undefined ? {} : { dest: step.dest }),
					...(step.selector === undefined ? {} : { selector: step.selector }),
				});
				built.push(made.topHash);
				break;
		}
	}
	return { made, built };
}

/** A manifest's bytes as the golden files have them. */
export function normalized(bytes: Uint8Array, machine: Machine): Buffer {
	return Buffer.from(Buffer.from(bytes).toString().replaceAll(`file://${machine.root}/`, "file:///GOLDEN/"));
}

/** A package as `dump` writes it. */
export async function dumped(made: Package): Promise<Uint8Array> {
	return new Uint8Array(await new Response(made.dump()).arrayBuffer());
}
