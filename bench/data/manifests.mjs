/** Manifests made from a seed, with the top hash that they have by construction. */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const filesInFolder = 1000;

/**
 * Writes a registry with one package `bench/data` of `count` entries, in folders of a thousand, as quilt3 writes it.
 *
 * @param {string} registry
 * @param {{ count: number, meta?: boolean, changed?: number, pointer?: number }} options `meta`: four fields on every
 *   entry; `changed`: how many entries, evenly spread, have other content than without it
 * @returns {{ topHash: string, manifest: string, bytes: number, canonicalBytes: number }}
 */
export function makeManifest(registry, { count, meta = false, changed = 0, pointer = 1_700_000_000 }) {
	const packages = join(registry, ".quilt/packages");
	mkdirSync(packages, { recursive: true });
	const draft = join(packages, "draft");
	const file = openSync(draft, "w");
	const canonical = createHash("sha256");
	let [bytes, canonicalBytes] = [0, 0];
	let [lines, hashed] = ['{"version": "v0", "message": null}\n', '{"message":null,"version":"v0"}'];
	const flush = () => {
		bytes += writeSync(file, lines);
		canonical.update(hashed);
		canonicalBytes += hashed.length;
		[lines, hashed] = ["", ""];
	};
	const step = changed === 0 ? Infinity : Math.floor(count / changed);
	for (let index = 0; index < count; index++) {
		const line = entry(index, { meta, isChanged: index % step === step - 1 });
		lines += line.written;
		hashed += line.canonical;
		if (lines.length > 1 << 20) flush();
	}
	flush();
	closeSync(file);
	const topHash = canonical.digest("hex");
	const manifest = join(packages, topHash);
	renameSync(draft, manifest);
	const pointers = join(registry, ".quilt/named_packages/bench/data");
	mkdirSync(pointers, { recursive: true });
	for (const name of [String(pointer), "latest"]) writeFileSync(join(pointers, name), topHash);
	return { topHash, manifest, bytes, canonicalBytes };
}

/** The logical key of the entry with that number. */
export function keyOf(index) {
	const [folder, name] = [Math.floor(index / filesInFolder), index % filesInFolder];
	return `d${String(folder).padStart(4, "0")}/f${String(name).padStart(4, "0")}.bin`;
}

function entry(index, { meta, isChanged }) {
	const key = keyOf(index);
	const digest = createHash("sha256")
		.update(`${isChanged ? "changed" : "content"} ${index}`)
		.digest("base64");
	const version = digest.slice(0, 32).replaceAll("+", "_").replaceAll("/", "-");
	const size = 1000 + ((index * 7919) % 1_000_000);
	const url = `s3://bench-bucket/bench/data/${key}?versionId=${version}`;
	const [written, sorted] = meta ? metadata(index) : ["{}", "{}"];
	return {
		written: `{"logical_key": "${key}", "physical_keys": ["${url}"], "size": ${size}, "hash": {"type": "sha2-256-chunked", "value": "${digest}"}, "meta": ${written}}\n`,
		canonical: `{"hash":{"type":"sha2-256-chunked","value":"${digest}"},"logical_key":"${key}","meta":${sorted},"size":${size}}`,
	};
}

function metadata(index) {
	const [sample, run, weight, ok] = [`S${index % 5000}`, index % 97, `${index % 50}.5`, index % 2 === 0];
	return [
		`{"user_meta": {"sample": "${sample}", "run": ${run}, "weight": ${weight}, "ok": ${ok}}}`,
		`{"user_meta":{"ok":${ok},"run":${run},"sample":"${sample}","weight":${weight}}}`,
	];
}
