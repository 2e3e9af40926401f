// Loader hook: appends the URL of every module that is loaded to the file $BALE_TEST_LOADS.
// Used with: node --import ./record-loads.mjs …
import { appendFileSync } from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
	appendFileSync(process.env.BALE_TEST_LOADS, `${url}\n`);
	return next(url, context);
}
