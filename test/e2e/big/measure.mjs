/** Loaded before the command (`--import`): writes the most memory that the process ever had, in bytes. */
import { writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const file = process.env.BALE_TEST_MEASURE;
if (file && isMainThread)
	process.on("exit", () => {
		writeFileSync(file, String(process.resourceUsage().maxRSS * 1024));
	});
