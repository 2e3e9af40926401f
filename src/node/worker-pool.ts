import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { BaleError } from "../core/errors.ts";
import type { Task, TaskOutput } from "./file-work.mjs";
import type { FinalReport, ProgressReport } from "./hash-worker.mjs";

/** Threads beyond this wait for the disk, not for a processor. */
const maxThreads = 8;

type Running = {
	readonly onBytes: (item: number, bytes: number) => void;
	readonly resolve: (output: TaskOutput) => void;
	readonly reject: (error: BaleError) => void;
};
type Thread = { readonly worker: Worker; readonly running: Map<number, Running> };

/**
 * Threads that hash and copy files. They start when work comes and stay for more; while idle they do not
 * keep the process alive. A task goes to the thread with the fewest tasks.
 */
export class WorkerPool {
	/** Most threads at once. */
	readonly size: number;
	readonly #threads: Thread[] = [];
	#lastId = 0;

	/** `size` defaults to the processors that this process may use, at least 2 and at most 8. */
	constructor(size = Math.max(2, Math.min(availableParallelism(), maxThreads))) {
		this.size = size;
	}

	/** How many threads run now; for tests. */
	get threads(): readonly Worker[] {
		return this.#threads.map(({ worker }) => worker);
	}

	/**
	 * Resolves to what the task gave, also when items of it failed. Throws `Unexpected` when the thread dies.
	 * `cancelled` is on shared memory; setting its first element to 1 ends the task early. No thread beyond the first
	 * `threads` is started for it.
	 */
	run(
		task: Task,
		cancelled: Int32Array,
		onBytes: Running["onBytes"],
		threads = this.size,
	): Promise<TaskOutput> {
		return new Promise((resolve, reject) => {
			const thread = this.#pick(threads);
			const id = ++this.#lastId;
			if (thread.running.size === 0) thread.worker.ref();
			thread.running.set(id, { onBytes, resolve, reject });
			thread.worker.postMessage({ id, task, cancelled });
		});
	}

	/** Ends all threads; a task that still runs fails with `Aborted`. */
	async close(): Promise<void> {
		const threads = this.#threads.splice(0);
		for (const thread of threads) settleAll(thread, new BaleError("Aborted", "The work was interrupted"));
		await Promise.all(threads.map(({ worker }) => worker.terminate()));
	}

	#pick(threads: number): Thread {
		let least: Thread | undefined;
		for (const thread of this.#threads) {
			if (least === undefined || thread.running.size < least.running.size) least = thread;
		}
		if (least !== undefined && (least.running.size === 0 || this.#threads.length >= threads)) return least;
		return this.#start();
	}

	#start(): Thread {
		const worker = new Worker(new URL("./hash-worker.mjs", import.meta.url), { execArgv: [] });
		const thread: Thread = { worker, running: new Map() };
		worker.unref();
		worker.on("message", (report: ProgressReport | FinalReport) => {
			const running = thread.running.get(report.id);
			if (running === undefined) return;
			if ("bytes" in report) {
				running.onBytes(report.item, report.bytes);
				return;
			}
			thread.running.delete(report.id);
			if (thread.running.size === 0) worker.unref();
			running.resolve(report.output);
		});
		worker.on("error", (error) => this.#drop(thread, error));
		worker.on("exit", () => this.#drop(thread, undefined));
		this.#threads.push(thread);
		return thread;
	}

	#drop(thread: Thread, cause: unknown): void {
		const index = this.#threads.indexOf(thread);
		if (index !== -1) this.#threads.splice(index, 1);
		settleAll(
			thread,
			new BaleError("Unexpected", "A thread that hashes files ended before its work was done", { cause }),
		);
	}
}

function settleAll(thread: Thread, error: BaleError): void {
	for (const running of thread.running.values()) running.reject(error);
	thread.running.clear();
}
