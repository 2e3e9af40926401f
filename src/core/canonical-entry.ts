import { display } from "./display.ts";
import { hashJson, metaJson, sizeJson } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import { quoteAscii } from "./json-format.ts";
import { formatCanonicalJson } from "./json.ts";

/** What an entry adds to the text whose SHA-256 is the top hash. Throws `Unverifiable`. */
export function canonicalEntry(key: string, entry: Entry): string {
	const { raw, hash, size } = entry;
	if (raw === undefined && hash !== undefined && size !== undefined) {
		const meta = entry.meta.size === 0 ? "{}" : formatCanonicalJson(entry.meta);
		const hashText = `{"type":${quoteAscii(hash.type)},"value":${quoteAscii(hash.value)}}`;
		return `{"hash":${hashText},"logical_key":${quoteAscii(key)},"meta":${meta},"size":${size}}`;
	}
	const fields = { hash: hashJson(entry), logical_key: key, meta: metaJson(entry), size: sizeJson(entry) };
	if (fields.hash === null) throw incomplete(key, "hash");
	if (fields.size === null) throw incomplete(key, "size");
	return formatCanonicalJson(new Map(Object.entries(fields)));
}

function incomplete(key: string, missing: "hash" | "size"): BaleError {
	return new BaleError("Unverifiable", `Cannot compute the top hash: "${display(key)}" has no ${missing}`, {
		hint: "Build the package, which hashes every entry",
		details: { key, missing },
	});
}
