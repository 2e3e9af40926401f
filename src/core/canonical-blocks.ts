import type { CreateDigest, Digest } from "./hash.ts";
import { formatHex } from "./hex.ts";
import { canonicalRoom, type LineScanner } from "./manifest-scan.ts";
import type { TopHash } from "./top-hash.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Collects canonical text and hashes it in blocks. */
export class CanonicalBlocks {
	#digest: Digest | undefined;
	#block = new Uint8Array(1 << 18);
	#length = 0;

	constructor(createSha256: CreateDigest | undefined) {
		this.#digest = createSha256?.();
	}

	/** False: the scanner does not take the line, and nothing was added. */
	scan(scanner: LineScanner, bytes: Uint8Array, start: number): boolean {
		this.#makeRoom(canonicalRoom);
		const to = scanner.scan(bytes, start, this.#block, this.#length);
		if (to < 0) return false;
		this.#length = this.#digest === undefined ? 0 : to;
		return true;
	}

	add(text: string): void {
		const bytes = encodeUtf8(text);
		this.#makeRoom(bytes.length);
		this.#block.set(bytes, this.#length);
		this.#length += bytes.length;
	}

	/** Text of many entries. */
	addBytes(bytes: Uint8Array): void {
		this.#flush();
		this.#digest?.update(bytes);
	}

	/** Puts text before what was added last: at most one entry. */
	addFirst(text: string): void {
		const entry = this.#block.slice(0, this.#length);
		this.#length = 0;
		this.add(text);
		this.#makeRoom(entry.length);
		this.#block.set(entry, this.#length);
		this.#length += entry.length;
	}

	/** There is no hash. */
	forget(): void {
		this.#digest = undefined;
	}

	digest(): TopHash | undefined {
		this.#flush();
		return this.#digest && (formatHex(this.#digest.digest()) as TopHash);
	}

	#makeRoom(length: number): void {
		if (this.#length + length <= this.#block.length) return;
		this.#flush();
		if (length > this.#block.length) this.#block = new Uint8Array(length);
	}

	#flush(): void {
		this.#digest?.update(this.#block.subarray(0, this.#length));
		this.#length = 0;
	}
}
