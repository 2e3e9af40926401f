/** Looking at folders from outside, without the code under test. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

/** Hex SHA-256. */
export function sha256(bytes: Uint8Array | string): string {
	return createHash("sha256").update(bytes).digest("hex");
}

/** Relative paths, with `/`, of all files below a folder; none when there is no folder. */
export function filesBelow(directory: string): string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, withFileTypes: true, encoding: "utf8" })
		.filter((item) => !item.isDirectory())
		.map((item) =>
			join(item.parentPath, item.name)
				.slice(directory.length + 1)
				.split(sep)
				.join("/"),
		);
}

/** Relative path -> hex SHA-256 of the file, for all files below a folder. */
export function contentsOf(directory: string): Record<string, string> {
	const contents = Object.create(null) as Record<string, string>;
	for (const path of filesBelow(directory)) contents[path] = sha256(readFileSync(join(directory, path)));
	return contents;
}
