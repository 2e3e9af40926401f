/** The golden cases that need a bucket: the steps that quilt3 ran, on real servers, with its hashes and manifests. */
import { beforeAll, expect, test } from "vitest";
import { newMachine } from "../client/support/machine.ts";
import { goldenBytes } from "../golden/data.ts";
import { cases, dumped, needsBucket, normalized, runSteps, writeCase, type Case } from "../golden/steps.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { onEachServer } from "../support/s3/servers.ts";

const golden = cases.filter(needsBucket);

/** The names enter hashes and manifests. */
const buckets = { "golden-flat": { versions: false }, "golden-ver": { versions: true } } as const;

function bucketOf({ steps }: Case): keyof typeof buckets {
	const registry = steps.flatMap((step) => ("registry" in step ? [step.registry] : []))[0];
	return registry === "s3://golden-flat" ? "golden-flat" : "golden-ver";
}

/** Lines of directories that quilt3 loses when it pushes, and bale keeps: `docs/deviations.md`. */
const keptLines: Readonly<Record<string, string>> = {
	"46-push-default": '{"logical_key": "x/", "meta": {"dm": 1}}\n',
};

const withoutVersions = (text: string): string => text.replaceAll(/\?versionId=[^"]+/g, "?versionId=VERSION");

onEachServer((server) => {
	beforeAll(async () => {
		for (const [name, options] of Object.entries(buckets)) await server().makeBucket({ name, ...options });
	});

	test("there are seven cases", () => {
		expect(golden).toHaveLength(7);
	});

	test.for(golden.map(({ id }) => id))("%s gives the hashes and bytes of quilt3", async (id) => {
		const item = golden.find((candidate) => candidate.id === id)!;
		const store = server().openStore(bucketOf(item));
		const put = async (key: string, value: object): Promise<void> => {
			await store.put(key, new TextEncoder().encode(JSON.stringify(value)));
		};
		if (item.workflow_config !== undefined) await put(".quilt/workflows/config.yml", item.workflow_config);
		for (const [key, schema] of Object.entries(item.workflow_schemas ?? {})) await put(key, schema);
		const machine = newMachine();
		writeCase(item, machine);

		const { made, built } = await runSteps(item, machine);

		expect(made.topHash).toBe(item.expect.top_hash);
		expect(built).toEqual(item.expect.build_top_hashes);
		expect(Array.from(made.walk(), ([key]) => key)).toEqual(item.expect.logical_keys_in_order);
		const [header, ...entries] = Buffer.from(goldenBytes(`core/cases/${id}/manifest.jsonl`)!)
			.toString()
			.split(/(?<=\n)/);
		const manifest = [header, keptLines[id], ...entries].join("");
		expect(withoutVersions(normalized(await dumped(made), machine).toString())).toBe(manifest);
		const kept = await collect((await store.get(`.quilt/packages/${item.expect.top_hash}`))!.body);
		expect(withoutVersions(normalized(kept, machine).toString())).toBe(manifest);
	});
});
