/** What `buckets.test.ts` runs inside of Chromium: packages in a bucket, over `fetch` and CORS. */
import { BaleError, createSha256, fetchTransport, MemoryStore, Package, S3Store } from "/dist/browser.js";

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function sha256(bytes) {
	return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

function open({ endpoint, bucket, keys, prefix = "" }) {
	return new S3Store({
		bucket,
		endpoint,
		prefix,
		transport: fetchTransport(),
		createSha256,
		...(keys === undefined ? {} : { credentials: () => Promise.resolve(keys) }),
	});
}

/** Top hash, and the SHA-256 of every file of the latest revision. */
export async function readAll(place, name) {
	const found = await Package.browse(name, { registry: open(place) });
	const contents = {};
	for (const [key, entry] of found.walk()) contents[key] = await sha256(await entry.bytes());
	return { topHash: found.topHash, contents };
}

/** Top hash, and the SHA-256 of every file that an installation has put into a store of the page. */
export async function install(place, name) {
	const dest = new MemoryStore();
	const installed = await Package.install(name, { registry: open(place), dest });
	const contents = {};
	for await (const { key } of dest.list("")) {
		const { body } = await dest.get(key);
		contents[key] = await sha256(await new Response(body).arrayBuffer());
	}
	return { topHash: installed.topHash, contents };
}

export async function readRange(place, name, key, offset, length) {
	const found = await Package.browse(name, { registry: open(place) });
	// A Response would hide why a stream fails.
	const reader = (await found.entry(key).stream({ range: { offset, length } })).getReader();
	let text = "";
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text;
		text += new TextDecoder().decode(value);
	}
}

/** Objects below a prefix. */
export async function list(place, prefix) {
	const keys = [];
	for await (const item of open(place).list(prefix)) keys.push(item.key ?? item.prefix);
	return keys;
}

/** `size` bytes whose content tells their place. */
function pattern(size) {
	const bytes = new Uint8Array(size);
	for (let index = 0; index < size; index += 1) bytes[index] = (index >>> 8) ^ (index % 251);
	return bytes;
}

/** Pushes a small and a large file, on top of what is there. */
export async function push(place, name, size, message) {
	const registry = open(place);
	const made = new Package();
	await made.set("small.txt", new Blob([`small, ${message}`]));
	await made.set("folder/large.bin", new Blob([pattern(size)]));
	made.setMeta({ message });
	const pushed = await made.push(name, registry, { message, force: true });
	return {
		topHash: pushed.topHash,
		physicalKeys: Array.from(pushed.walk(), ([, entry]) => entry.physicalKey),
		large: await sha256(pattern(size)),
	};
}

/** The error of a function of this module: code, message and hint; undefined when there is none. */
export async function failureOf(name, ...args) {
	try {
		await functions[name](...args);
		return undefined;
	} catch (error) {
		if (!(error instanceof BaleError)) throw error;
		const { code, message, hint = "" } = error;
		return { code, message, hint };
	}
}

const functions = { readAll, readRange, list, push };
