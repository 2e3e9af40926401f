import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";

/** Removes the home directory that `vitest.config.ts` made, when everything has run. */
export default function setup(project: TestProject): () => void {
	const { home } = project.config.provide as { home: string };
	return () => {
		rmSync(home, { recursive: true, force: true });
	};
}
