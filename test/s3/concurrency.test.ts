/** Writers who come between each other: every push that reports success is in the history with its files, and no change is lost. */
import { afterEach, expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { expectSound } from "../support/s3/sound-bucket.ts";

const name = "team/data";

type Push = {
	readonly writer: number;
	readonly key: string;
	readonly content: string;
	readonly topHash: string;
};

onEachServer((server) => {
	let proxy: S3Proxy | undefined;
	afterEach(async () => {
		await proxy?.stop();
		proxy = undefined;
	});

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
				pushed.push({ writer: 1, key, content, topHash });
			};
			own.before = async () => {
				if (count++ === step) await (other = pushOther());
			};
			const slow = own.server.openStore(bucket);
			const pkg = await Package.browse(name, { registry: slow });
			const [key, content] = [`own ${step}`, `own ${step}`];
			await pkg.set(key, new TextEncoder().encode(content));
			const { topHash } = await pushPackage(pkg, name, { registry: slow, rebase: true });
			pushed.push({ writer: 0, key, content, topHash });
			await other;
			if (other === undefined) break;
		}
		expect(pushed.length).toBeGreaterThan(20);
		const latest = await expectNothingLost(bucket, pushed);
		for (const { key, content } of pushed) expect(latest.get(key)).toBe(content);
	}, 300_000);
});
