/** A process that writes is killed, again and again, at any moment. */
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { startScript } from "../support/child.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const rounds = 8;

describe("a killed writer", () => {
	test.each(["store", "copy"])(
		"leaves whole files only, and no lock that holds (%s)",
		async (what) => {
			const random = randomFrom(chooseSeed(`killed ${what}`));
			const root = temporaryDirectory();
			mkdirSync(join(root, "out"));
			for (const name of ["source-a", "source-b"])
				writeFileSync(join(root, name), Buffer.alloc(300_000, name));
			const contents = ["source-a", "source-b"].map((name) => readFileSync(join(root, name), "latin1"));
			let seen = 0;
			for (let round = 0; round < rounds; round++) {
				const child = startScript("test/node/writer-process.ts", [what, root]);
				await once(child.stdout!, "data");
				await sleep(random.integer(0, 30));
				child.kill("SIGKILL");
				await once(child, "exit");
				for (const name of readdirSync(join(root, "out"))) {
					if (name.startsWith(".bale")) continue;
					expect(contents).toContain(readFileSync(join(root, "out", name), "latin1"));
					seen++;
				}
				if (what !== "store") continue;
				const store = new DirectoryStore(join(root, "out"));
				const object = await store.get("object");
				const bytes = await collect(object!.body);
				await store.put("object", bytes, { condition: { ifEtag: object!.info.etag } });
			}
			expect(seen).toBeGreaterThan(0);
		},
		120_000,
	);
});
