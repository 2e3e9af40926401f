/** The text of a manifest of which most lies in a file, and the memory that it goes through. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyObject } from "../../src/core/json.ts";
import { formatEntry, formatManifest, manifestPieces } from "../../src/core/manifest-format.ts";
import { ManifestPass } from "../../src/core/manifest-open.ts";
import type { Manifest } from "../../src/core/manifest.ts";
import { openFileBytes } from "../../src/node/file-bytes.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { ManifestText } from "../../src/registry/bytes.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const entry = (size: number) => ({
	physicalKey: { kind: "s3", bucket: "b", key: "k" } as const,
	size,
	hash: { type: "SHA256", value: "x" },
	meta: emptyObject,
});

/** 20,000 lines in a file of 3 MiB, and some entries that were changed. */
function changedManifest(): Manifest {
	const path = join(temporaryDirectory(), "manifest");
	const keys = Array.from({ length: 20_000 }, (_, index) => `d/${String(index).padStart(5, "0")}`);
	const lines = keys.map((key, index) => `${formatEntry(key, entry(index))}\n`);
	writeFileSync(path, ['{"version": "v0", "message": null}\n', ...lines].join(""));
	const bytes = openFileBytes(path)?.bytes;
	if (bytes === undefined) throw new Error("not opened");
	const pass = new ManifestPass(bytes, createNodeSha256);
	while (pass.step());
	const manifest = pass.finish();
	if (manifest === undefined) throw new Error("not in order");
	for (const at of [0, 5000, 5001, 19_999]) manifest.tree.set(keys[at] ?? "", entry(1_000_000));
	return manifest;
}

test("is the same by streams and without one, in whole and in part", async () => {
	const manifest = changedManifest();
	const text = ManifestText.from(manifestPieces(manifest));
	const whole = Buffer.from([...formatManifest(manifest)].join(""));
	expect(text.size).toBe(whole.length);
	const ends = [0, 1, 40, 262_144, 700_000, text.size - 1, text.size];
	for (const offset of ends) {
		for (const end of ends.filter((at) => at >= offset)) {
			const range = { offset, length: end - offset };
			const expected = whole.subarray(offset, end);
			expect(expected.equals(await collect(text.open(range)))).toBe(true);
			const delivered: Buffer[] = [];
			await text.deliver((chunk) => void delivered.push(Buffer.from(chunk)), range);
			expect(expected.equals(Buffer.concat(delivered))).toBe(true);
		}
	}
});

test("lines that were read go through one buffer when they are delivered", async () => {
	const text = ManifestText.from(manifestPieces(changedManifest()));
	const memory = new Set<ArrayBufferLike>();
	let chunks = 0;
	await text.deliver((chunk) => {
		if (chunk.length < 1000) return;
		chunks++;
		memory.add(chunk.buffer);
	});
	expect(chunks).toBeGreaterThan(10);
	expect(memory.size).toBeLessThanOrEqual(2);
});

test("delivery ends when the signal fires", async () => {
	const text = ManifestText.from(manifestPieces(changedManifest()));
	const abort = new AbortController();
	let chunks = 0;
	const delivery = text.deliver(
		() => {
			chunks++;
			abort.abort();
		},
		undefined,
		abort.signal,
	);
	await expect(delivery).rejects.toMatchObject({ code: "Aborted" });
	expect(chunks).toBe(1);
});
