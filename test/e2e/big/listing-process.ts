/**
 * A process that works on a million objects, for `listing.test.ts`; arguments: the verb, an empty folder. A copy is aborted
 * when some thousands are there. Prints how many were found, how soon it ended after that, and the most memory that it had.
 */
import { Package, copy, isBaleError, type ProgressEvent } from "../../../src/index.ts";

const [verb = "", folder = ""] = process.argv.slice(2);
const source = "s3://endless/data/";
const copiedFiles = Number(process.env["BALE_TEST_COPIED_FILES"] ?? 5000);
const stop = new AbortController();
let found = 0;
let copied = 0;
let abortedAt = 0;
const onProgress = (event: ProgressEvent): void => {
	if (event.kind === "advanced" && event.phase === "walk") found++;
	if (event.kind !== "settled" || event.phase !== "copy" || ++copied !== copiedFiles) return;
	abortedAt = performance.now();
	stop.abort();
};
const options = { signal: stop.signal, onProgress };
if (verb === "setDir") {
	const pkg = await new Package().setDir("", source, options);
	if ([...pkg.keys()].length !== found) throw new Error("other keys than were told of");
} else if (verb === "verify") {
	const { extra } = await new Package().verify(source, options);
	if (extra.length !== found) throw new Error("other keys than were told of");
} else {
	await copy(source, `${folder}/new/`, options).catch((error: unknown) => {
		if (!isBaleError(error, "Aborted")) throw error;
	});
}
const endedMs = abortedAt === 0 ? 0 : Math.round(performance.now() - abortedAt);
const usedMebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(`${JSON.stringify({ found, endedMs, usedMebibytes })}\n`);
