/** Package addresses that name a server: `quilt+s3://bucket?endpoint=URL#…`. */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { isPackageUri, parsePackageUri } from "../core/package-uri.ts";

/**
 * `InvalidConfig` when an address among `words` names another server than the one that its bucket is looked for on. An
 * address may come from anybody, so it cannot decide where the user's keys are used.
 */
export async function checkNamedEndpoints(words: readonly string[]): Promise<void> {
	for (const word of words) {
		if (!isPackageUri(word) || !word.includes("?")) continue;
		const { registry, endpoint } = parsePackageUri(word);
		if (endpoint === undefined) continue;
		const { endpointOf } = await import("../node/s3-open.ts");
		const found = await endpointOf(registry.slice("s3://".length));
		if (found !== undefined && normalise(found) === normalise(endpoint)) continue;
		throw new BaleError(
			"InvalidConfig",
			`The address says that ${display(registry)} is on ${display(endpoint)}, but it would be looked for on ${display(found ?? "AWS")}`,
			{
				hint: `If you trust that server: bale config registry ${display(registry)} --endpoint ${display(endpoint)}`,
				details: { registry, endpoint, found: found ?? null },
			},
		);
	}
}

/** Spellings of one address. */
function normalise(endpoint: string): string {
	try {
		return new URL(endpoint).href.replace(/\/+$/, "");
	} catch {
		return endpoint;
	}
}
