import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hashFiles } from "../../src/node/hash-files.ts";
import { WorkerPool } from "../../src/node/worker-pool.ts";
import { temporaryDirectory } from "../support/temporary.ts";

function openPool(size?: number): WorkerPool {
	const pool = new WorkerPool(size);
	onTestFinished(() => pool.close());
	return pool;
}

function largeJob(): { path: string; size: number; type: "sha2-256-chunked" } {
	const path = join(temporaryDirectory(), "large");
	const size = 64 * 1024 * 1024;
	writeFileSync(path, Buffer.alloc(size));
	return { path, size, type: "sha2-256-chunked" };
}

describe("WorkerPool", () => {
	test("has 2 to 8 threads unless told otherwise", () => {
		expect(openPool().size).toBeGreaterThanOrEqual(2);
		expect(openPool().size).toBeLessThanOrEqual(8);
		expect(openPool(3).size).toBe(3);
	});

	test("a thread that is killed fails its tasks, and the next run has a new one", async () => {
		const pool = openPool(2);
		const job = largeJob();
		let killed = false;
		const hashing = hashFiles(
			[[job]],
			{ pool },
			{
				onBytes: () => {
					if (!killed) for (const thread of pool.threads) void thread.terminate();
					killed = true;
				},
			},
		);
		await expect(hashing).rejects.toMatchObject({ code: "Unexpected" });
		expect(await hashFiles([[job]], { pool })).toHaveLength(1);
	});

	test("close() fails what still runs with Aborted", async () => {
		const pool = openPool(2);
		const hashing = hashFiles([[largeJob()]], { pool }, { onBytes: () => void pool.close() });
		await expect(hashing).rejects.toMatchObject({ code: "Aborted" });
	});

	test("never has more threads than its size; one less for hashing, in which the main thread takes part", async () => {
		const pool = openPool(3);
		let [most, turns] = [0, 0];
		const timer = setInterval(() => turns++, 1);
		await hashFiles(
			[[largeJob()]],
			{ pool },
			{
				concurrency: 20,
				onBytes: () => (most = Math.max(most, pool.threads.length)),
			},
		);
		clearInterval(timer);
		expect(most).toBe(2);
		expect(turns).toBeGreaterThan(1);
	});
});
