import type { Platform } from "./platform.ts";

let current: Platform | undefined;

/** Says what machine the verbs run on; the Node and browser entries do it once when they are loaded. */
export function setPlatform(platform: Platform): void {
	current = platform;
}

/** The machine that the verbs run on. */
export function platform(): Platform {
	if (current === undefined) throw new TypeError("bale was imported without its Node or browser entry");
	return current;
}
