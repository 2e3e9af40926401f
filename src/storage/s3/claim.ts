/**
 * Objects that take a free place for a copy, where the server decides who gets it; the copy then replaces them. One is left
 * when its process is killed in between.
 */
import { decodeUtf8Lenient, encodeUtf8 } from "../../core/utf8.ts";
import { collect } from "../byte-source.ts";
import type { ObjectInfo, Store } from "../store.ts";

const text = "bale was going to copy an object here: ";
const pattern = new RegExp(`^${text}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\\n$`);

export function makeClaim(): Uint8Array {
	return encodeUtf8(`${text}${crypto.randomUUID()}\n`);
}

/** Size of each: the text, a UUID and a line feed. */
export const claimBytes = text.length + 36 + 1;

/** The object at a key when it is a claim; it is read. */
export async function claimAt(
	store: Store,
	key: string,
	signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
	const object = await store.get(key, { signal });
	if (object === undefined) return undefined;
	const bytes = await collect(object.body);
	return bytes.length === claimBytes && pattern.test(decodeUtf8Lenient(bytes)) ? object.info : undefined;
}
