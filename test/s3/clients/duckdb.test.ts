import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installPackage, Package, pushPackage } from "../../../src/index.ts";
import { filesBelow } from "../../support/files.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { clientOf, contentsOfBucket, onceMore, registryOf } from "./clients.ts";

onEachServer((server, kind) => {
	// versitygw lists keys as they are, where DuckDB expects them to be encoded.
	const cats = kind.name === "versitygw" ? "cats ü.csv" : "cats ü+1%.csv";

	async function duckdb(...statements: readonly string[]): Promise<unknown> {
		const { run } = clientOf("duckdb-client.py", server().environment);
		return JSON.parse(await run(...statements));
	}

	test(
		"DuckDB queries what bale has pushed, and bale packs the tables that DuckDB has written",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket({ versions: true });
			const registry = `s3://${bucket}`;
			const folder = temporaryDirectory();
			writeFileSync(join(folder, cats), "name,kg\nmimi,4.5\ntom,6.25\n");
			writeFileSync(join(folder, "more.csv"), "name,kg\nfelix,5\n");
			await pushPackage(await new Package().setDir("", folder), "lab/cats", { registry });
			const rows =
				"SELECT range AS id, 'row' || range % 3 AS kind, md5(range::VARCHAR) AS text FROM range(200000)";
			expect(
				await duckdb(
					`SELECT * FROM read_csv('${registry}/lab/cats/${cats}') ORDER BY kg`,
					`SELECT count(*), sum(kg) FROM read_csv('${registry}/lab/cats/*.csv')`,
					`COPY (${rows}) TO '${registry}/tables/rows.parquet'`,
					`COPY (${rows}) TO '${registry}/tables/rows.csv'`,
					`COPY (${rows} LIMIT 99) TO '${registry}/parted' (FORMAT parquet, PARTITION_BY (kind))`,
					`SELECT count(*), sum(id) FROM read_parquet('${registry}/parted/**/*.parquet', hive_partitioning = true) WHERE kind = 'row1'`,
				),
			).toEqual([
				[
					["mimi", 4.5],
					["tom", 6.25],
				],
				[[3, 15.75]],
				[[200_000]],
				[[200_000]],
				[[99]],
				[[33, 1617]],
			]);
			expect((await server().openStore(bucket).head("tables/rows.csv"))?.etag).toMatch(/-2"?$/);
			const keys = Object.keys(await contentsOfBucket(server(), bucket));
			expect(keys.filter((key) => key.startsWith("parted/"))).toEqual(
				[0, 1, 2].map((kind) => `parted/kind=row${kind}/data_0.parquet`),
			);

			const packed = await new Package().setDir("", `${registry}/tables/`);
			await pushPackage(packed, "lab/tables", { registry });
			const dest = temporaryDirectory();
			await installPackage("lab/tables", { registry: registryOf(server(), bucket), dest });
			expect(new Set(filesBelow(dest))).toEqual(new Set(["rows.csv", "rows.parquet"]));
			expect(
				await duckdb(
					`SELECT count(*) FROM read_csv('${dest}/rows.csv') SEMI JOIN '${dest}/rows.parquet' USING (id, kind, text)`,
					`SELECT count(*), max(id) FROM read_parquet('${registry}/tables/rows.parquet')`,
				),
			).toEqual([[[200_000]], [[200_000, 199_999]]]);
		},
	);
});
