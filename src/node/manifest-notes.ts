/** What was found out about manifest files, kept in the user's cache: one small file for each state of one of them. */
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import type { Notes } from "../registry/registry.ts";
import { discard, temporaryName } from "./temporary-file.ts";

/** When there are more, all are forgotten. */
const maxNotes = 4000;

/** Notes below `directory()`, which is made when something is first kept. Failures only cost time, and are not told. */
export function manifestNotes(directory: () => string): Notes {
	const pathOf = (state: string): string => `${directory()}/${state}.json`;
	return {
		recall(state) {
			try {
				const text = readFileSync(pathOf(state), "utf8");
				return text.startsWith(`${state}\n`) ? text.slice(state.length + 1) : undefined;
			} catch {
				return undefined;
			}
		},
		remember(state, text) {
			const temporary = `${directory()}/${temporaryName()}`;
			try {
				mkdirSync(directory(), { recursive: true, mode: 0o700 });
				const names = readdirSync(directory());
				if (names.length > maxNotes) for (const name of names) unlinkSync(`${directory()}/${name}`);
				writeFileSync(temporary, `${state}\n${text}`, { mode: 0o600, flag: "wx" });
				renameSync(temporary, pathOf(state));
			} catch {
				discard(temporary);
			}
		},
	};
}
