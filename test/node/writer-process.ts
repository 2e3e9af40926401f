/** A child process of `killed-writer.test.ts`: overwrites files until it is killed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { NodeFiles } from "../../src/node/local-files.ts";

const [what, root = ""] = process.argv.slice(2);
const out = join(root, "out");
const sources = ["source-a", "source-b"].map((name) => join(root, name));
const contents = sources.map((path) => readFileSync(path));
const size = contents[0]?.length ?? 0;
const store = new DirectoryStore(out);
const files = new NodeFiles();
for (let round = 0; ; round++) {
	if (what === "store") await store.put("object", contents[round % 2] ?? new Uint8Array());
	else {
		// Enough for the threads to be used.
		const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
		const path = sources[round % 2] ?? "";
		await files.copy(names.map((name) => ({ from: { path }, to: join(out, name), size, replace: true })));
	}
	if (round === 0) console.log("first round done");
}
