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
	/** Tasks that threads have at once; default: two for each, so that the next one is there when the last one ends. */
	readonly concurrency?: number | undefined;
	/** This thread takes tasks too, instead of one of the pool's: for short tasks that wait for nothing. */
	readonly takesPart?: boolean;
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
	{ pool, concurrency, signal, takesPart = false }: RunnerOptions,
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
	const joins = takesPart && pool !== undefined && pool.size > 1 && concurrency !== 1;
	const threads = pool === undefined ? 0 : pool.size - (joins ? 1 : 0);
	const lane = async (isOwn: boolean): Promise<void> => {
		let turnStarted = performance.now();
		while (failures.length === 0) {
			try {
				const next = await assignments.next();
				if (next.done === true) return;
				const { task, settle, onBytes } = next.value;
				if (pool !== undefined && !isOwn) {
					settle(await pool.run(task, cancelled, onBytes, threads));
					continue;
				}
				settle(runTask(task, { cancelled, onBytes }));
				// Threads wait for what they are given next, so they are heard after each task.
				if (joins || performance.now() - turnStarted > maxTurnMs) {
					await nextTurn();
					turnStarted = performance.now();
				}
			} catch (error) {
				stop(error);
			}
		}
	};
	try {
		const given = concurrency === undefined ? 2 * threads : concurrency - (joins ? 1 : 0);
		const lanes = Array.from({ length: pool === undefined ? 0 : given }, () => lane(false));
		if (pool === undefined || joins) lanes.push(lane(true));
		await Promise.all(lanes);
	} finally {
		signal?.removeEventListener("abort", abort);
		await assignments.return?.();
	}
	if (failures.length > 0) throw failures[0];
}
