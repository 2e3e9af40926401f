/** Many writers at once: every push that reports success is in the history with its files, and no change is lost. */
import { afterEach, expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { runScript } from "../support/child.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { faultKinds, randomFaults } from "../support/s3/proxy-faults.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";
import { expectSound } from "../support/s3/sound-bucket.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = "team/data";
const processes = 2;
const writers = 8;

type Race = {
	/** Of each writer. */
	readonly pushes: number;
	readonly mode: "rebase" | "same";
	readonly patience?: "patient" | "impatient";
};

type Push = {
	readonly key: string;
	readonly content: string;
	readonly topHash: string;
};

onEachServer((server, kind) => {
	let proxy: S3Proxy | undefined;
	afterEach(async () => {
		await proxy?.stop();
		proxy = undefined;
	});

	/** Lets all writers push to a new bucket, and gives what they reported as pushed. */
	async function race(
		through: S3Server,
		bucket: string,
		{ pushes, mode, patience = "patient" }: Race,
	): Promise<Push[]> {
		const first = await new Package().set("first", new TextEncoder().encode("first"));
		await pushPackage(first, name, { registry: `s3://${bucket}` });
		const seed = chooseSeed("writers");
		const each = writers / processes;
		const outputs = await Promise.all(
			Array.from({ length: processes }, (_, index) =>
				runScript(
					"test/s3/writer-process.ts",
					[bucket, index * each, each, pushes, mode, seed, patience].map(String),
					{
						...through.environment,
						XDG_DATA_HOME: temporaryDirectory(),
					},
				),
			),
		);
		const lines = outputs.flatMap((text) => text.trim().split("\n"));
		const pushed = lines.map((line) => JSON.parse(line) as Push);
		expect(pushed).toHaveLength(writers * pushes);
		return pushed;
	}

	/** All that was reported is there, read directly from the bucket. */
	async function expectNothingLost(
		bucket: string,
		pushed: readonly Push[],
	): Promise<ReadonlyMap<string, string>> {
		const { pointers, contents } = await expectSound(server().openStore(bucket), name);
		const history = new Set(
			[...pointers].filter(([pointer]) => pointer !== "latest").map(([, hash]) => hash),
		);
		for (const { topHash, key, content } of pushed) {
			expect(history, `the push of ${content}`).toContain(topHash);
			expect(contents.get(topHash)?.get(key)).toBe(content);
		}
		return contents.get(pointers.get("latest")!)!;
	}

	test("8 writers × 25 pushes of different files: the last revision has all of them", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const pushed = await race(server(), bucket, { pushes: 25, mode: "rebase" });
		const latest = await expectNothingLost(bucket, pushed);
		expect(latest.size).toBe(1 + pushed.length);
		for (const { key, content } of pushed) expect(latest.get(key)).toBe(content);
	}, 300_000);

	test.each([true, false])(
		"8 writers of one file, with versions %s: each revision comes from the one before",
		async (versions) => {
			const bucket = await server().makeBucket({ versions });
			const pushed = await race(server(), bucket, { pushes: 3, mode: "same" });
			const latest = await expectNothingLost(bucket, pushed);
			const lines = latest.get("shared")?.trim().split("\n");
			expect(lines).toHaveLength(pushed.length);
			expect(new Set(lines).size).toBe(pushed.length);
		},
		120_000,
	);

	test("8 writers × 25 pushes through a network that fails: what was reported is there", async () => {
		proxy = await startProxy(server());
		// On one server what is written over is gone.
		const bucket = await server().makeBucket({ versions: kind.name !== "minio" });
		const random = randomFrom(chooseSeed("faults of writers"));
		proxy.plan = randomFaults(random, 0.1, faultKinds);
		const pushes = 25;
		const pushed = await race(proxy.server, bucket, { pushes, mode: "rebase", patience: "impatient" });
		proxy.plan = () => undefined;
		const faults = proxy.log.flatMap(({ fault }) => fault ?? []);
		expect(faults.length).toBeGreaterThan(pushes * 5);
		expect(new Set(faults).size).toBeGreaterThan(8);
		const latest = await expectNothingLost(bucket, pushed);
		for (const { key, content } of pushed) expect(latest.get(key)).toBe(content);
	}, 300_000);

	test("a key that was deleted is taken again by one writer at most", async () => {
		const store = server().openStore(await server().makeBucket({ versions: true }));
		for (let round = 0; round < 10; round++) {
			const key = `pointer ${round}`;
			await store.put(key, new TextEncoder().encode("old"));
			await store.delete(key);
			const writes = Array.from({ length: 6 }, (_, index) =>
				store.put(key, new TextEncoder().encode(`new ${index}`), {
					condition: { ifAbsent: true, neverThere: true },
				}),
			);
			const done = (await Promise.allSettled(writes)).filter(({ status }) => status === "fulfilled");
			expect(done.length).toBeLessThanOrEqual(1);
		}
	});

	test("each step of a push is interleaved with a whole other push: both are there", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const registry = server().openStore(bucket);
		const first = await new Package().set("first", new TextEncoder().encode("first"));
		await pushPackage(first, name, { registry });
		// How many requests one push takes; the other then comes between before each of them.
		const steps = 40;
		const pushed: Push[] = [];
		for (let step = 0; step < steps; step++) {
			let count = 0;
			const own = proxy ?? (proxy = await startProxy(server()));
			let other: Promise<unknown> | undefined;
			own.plan = () => undefined;
			const pushOther = async (): Promise<void> => {
				const pkg = await Package.browse(name, { registry });
				const [key, content] = [`other ${step}`, `other ${step}`];
				await pkg.set(key, new TextEncoder().encode(content));
				const { topHash } = await pushPackage(pkg, name, { registry, rebase: true });
				pushed.push({ key, content, topHash });
			};
			own.before = async () => {
				if (count++ === step) await (other = pushOther());
			};
			const slow = own.server.openStore(bucket);
			const pkg = await Package.browse(name, { registry: slow });
			const [key, content] = [`own ${step}`, `own ${step}`];
			await pkg.set(key, new TextEncoder().encode(content));
			const { topHash } = await pushPackage(pkg, name, { registry: slow, rebase: true });
			pushed.push({ key, content, topHash });
			await other;
			if (other === undefined) break;
		}
		expect(pushed.length).toBeGreaterThan(20);
		const latest = await expectNothingLost(bucket, pushed);
		for (const { key, content } of pushed) expect(latest.get(key)).toBe(content);
	}, 300_000);
});
