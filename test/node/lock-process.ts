/** A child process of `file-lock.test.ts`: takes a lock again and again and logs it, or takes it and stays. */
import { appendFileSync } from "node:fs";
import { withFileLock } from "../../src/node/file-lock.ts";

const [what, path = "", log = ""] = process.argv.slice(2);
if (what === "hold") {
	await withFileLock(path, () => {
		console.log("held");
		return new Promise((resolve) => setTimeout(resolve, 60_000));
	});
} else {
	for (let round = 0; round < 10; round++) {
		await withFileLock(path, () => {
			appendFileSync(log, `${process.pid} in ${round}\n`);
			appendFileSync(log, `${process.pid} out ${round}\n`);
		});
	}
}
