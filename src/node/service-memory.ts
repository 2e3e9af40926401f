/** What is remembered of S3 services, in a file for each in the user's data directory. */
import { createHash } from "./crypto.mjs";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceMemory } from "../storage/s3/conditions.ts";
import { discard, temporaryName } from "./temporary-file.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** A service that honours conditions seldom ceases to; one that does not may be brought up to date. */
const validMs = (conditions: boolean): number => (conditions ? 90 : 7) * dayMs;

export class FileServiceMemory implements ServiceMemory {
	readonly #directory: string;

	constructor(directory: string) {
		this.#directory = directory;
	}

	recall(service: string): boolean | undefined {
		try {
			const text = readFileSync(this.#path(service), "utf8");
			const { conditions, learntAt } = JSON.parse(text) as { conditions: unknown; learntAt: unknown };
			if (typeof conditions !== "boolean" || typeof learntAt !== "string") return undefined;
			const ageMs = Date.now() - Date.parse(learntAt);
			return ageMs >= -dayMs && ageMs < validMs(conditions) ? conditions : undefined;
		} catch {
			return undefined;
		}
	}

	/** What cannot be written is found out again. */
	remember(service: string, conditions: boolean): void {
		const temporary = join(this.#directory, temporaryName());
		const text = JSON.stringify({ service, conditions, learntAt: new Date().toISOString() });
		try {
			mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
			writeFileSync(temporary, `${text}\n`, { flag: "wx", mode: 0o600 });
			renameSync(temporary, this.#path(service));
		} catch {
			discard(temporary);
		}
	}

	#path(service: string): string {
		return join(this.#directory, `${createHash("sha256").update(service).digest("hex").slice(0, 32)}.json`);
	}
}
