/** The thread side of `worker-pool.ts`: one task after the other, in the order in which they come. */
import { parentPort } from "node:worker_threads";
import { runTask } from "./file-work.mjs";

/**
 * @typedef {{ id: number, task: import("./file-work.mjs").Task, cancelled: Int32Array }} Order
 * @typedef {{ id: number, item: number, bytes: number }} ProgressReport
 * @typedef {{ id: number, output: import("./file-work.mjs").TaskOutput }} FinalReport
 */

parentPort?.on("message", (/** @type {Order} */ { id, task, cancelled }) => {
	const output = runTask(task, {
		cancelled,
		onBytes: (item, bytes) => parentPort?.postMessage({ id, item, bytes }),
	});
	parentPort?.postMessage({ id, output });
});
