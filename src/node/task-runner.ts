import { setImmediate as nextTurn } from "node:timers/promises";
import { BaleError } from "../core/errors.ts";
import { runTask, type Task, type TaskOutput } from "./file-work.mjs";
import type { WorkerPool } from "./worker-pool.ts";

/** What is to be done by one task, and what its output and progress mean. */
export type Assignment = {
	readonly task: Task;
	/** Throws when the output is a failure; that ends the run. */
	readonly settle: (output: TaskOutput) => void;
	readonly onBytes: (item: number, bytes: number) => void;
};

export type RunnerOptions = {
	/** Absent: on this thread, with pauses for the event loop. */
	readonly pool: WorkerPool | undefined;
	/** Tasks at once. */
	readonly concurrency: number;
	readonly signal?: AbortSignal | undefined;
};

/** The main thread gives way to other work at least this often. */
const maxTurnMs = 12;

/**
 * Runs assignments, which are asked for one by one as there is room for them. The first failure stops the
 * run and is thrown after the tasks that are under way have ended, so that nothing happens afterwards.
 */
export async function runAssignments(
	assignments: Iterator<Assignment> | AsyncIterator<Assignment>,
	{ pool, concurrency, signal }: RunnerOptions,
): Promise<void> {
	const cancelled = new Int32Array(new SharedArrayBuffer(4));
	const failures: unknown[] = [];
	const stop = (error: unknown): void => {
		failures.push(error);
		Atomics.store(cancelled, 0, 1);
	};
	const abort = (): void =>
		stop(new BaleError("Aborted", "The work was interrupted", { cause: signal?.reason }));
	if (signal?.aborted === true) abort();
	signal?.addEventListener("abort", abort, { once: true });
	const lane = async (): Promise<void> => {
		let turnStarted = performance.now();
		while (failures.length === 0) {
			try {
				const next = await assignments.next();
				if (next.done === true) return;
				const { task, settle, onBytes } = next.value;
				if (pool !== undefined) {
					settle(await pool.run(task, cancelled, onBytes));
					continue;
				}
				settle(runTask(task, { cancelled, onBytes }));
				if (performance.now() - turnStarted > maxTurnMs) {
					await nextTurn();
					turnStarted = performance.now();
				}
			} catch (error) {
				stop(error);
			}
		}
	};
	try {
		await Promise.all(Array.from({ length: pool === undefined ? 1 : concurrency }, lane));
	} finally {
		signal?.removeEventListener("abort", abort);
		await assignments.return?.();
	}
	if (failures.length > 0) throw failures[0];
}
