import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installPackage, Package, pushPackage } from "../../../src/index.ts";
import { sha256 } from "../../support/files.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { clientOf, contentsOfBucket, onceMore, registryOf } from "./clients.ts";

const rows = Array.from({ length: 200_000 }, (_, index) => `${index},"row ${index} of many, many rows"\n`);
const csv = `id,text\n${rows.join("")}`;

onEachServer((server, kind) => {
	test(
		"pandas reads what bale has pushed, and bale packs the tables that pandas has written",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket({ versions: true });
			const registry = `s3://${bucket}`;
			const folder = temporaryDirectory();
			writeFileSync(join(folder, "cats ü+1.csv"), "name,kg\nmimi,4.5\ntom,6.25\n");
			await pushPackage(await new Package().setDir("", folder), "lab/cats", { registry });
			const { run } = clientOf("pandas-client.py", server().environment);
			expect(JSON.parse(await run(bucket, "lab/cats/cats ü+1.csv"))).toEqual({
				pushed: { name: ["mimi", "tom"], kg: [4.5, 6.25] },
				csv: true,
				parquet: true,
				column: [["id"], 19_999_900_000],
				part: [1, "dd"],
				files: [
					["files/a b+c%ü.txt", 3],
					["files/moved", 3],
				],
				removed: [false, true],
				parted: [2, 500],
				made: [`${bucket}/made/by hand`],
				arrow: 199_999,
			});
			const contents = await contentsOfBucket(server(), bucket);
			expect(contents).toMatchObject({ "files/a b+c%ü.txt": sha256("odd"), "tables/rows.csv": sha256(csv) });
			expect((await server().openStore(bucket).head("tables/rows.parquet"))?.etag).toMatch(/-2"?$/);

			const packed = await new Package().setDir("", `${registry}/tables/`);
			await pushPackage(packed, "lab/tables", { registry });
			const dest = temporaryDirectory();
			await installPackage("lab/tables", { registry: registryOf(server(), bucket), dest });
			expect(readFileSync(join(dest, "rows.csv"), "utf8")).toBe(csv);
			expect(sha256(readFileSync(join(dest, "rows.parquet")))).toBe(contents["tables/rows.parquet"]);
		},
	);
});
