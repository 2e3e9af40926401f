/** The least that can tell whether a folder has changed: its names, and what `lstat` says of each. */
import { lstatSync, readdirSync } from "node:fs";

let files = 0;
const pending = [process.argv[2]];
for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
	for (const item of readdirSync(directory, { withFileTypes: true })) {
		const path = `${directory}/${item.name}`;
		if (item.isDirectory()) pending.push(path);
		else {
			lstatSync(path, { bigint: true });
			files++;
		}
	}
}
console.log(files);
