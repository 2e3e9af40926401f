import { foldName } from "./destination-keys.ts";

/**
 * Which of many keys may collide under any folding, found out in little memory: by hashes of the folded names of files
 * and directories. Keys that do not collide are hardly ever among them.
 */
export class CollisionSuspicion {
	readonly #files = new NumberList();
	readonly #directories = new NumberList();
	#last = "";

	add(key: string): void {
		const folded = fold(key);
		// Directories of the key before are known.
		const known = commonLength(folded, this.#last);
		hashNames(folded, (hash, end) => {
			if (end === folded.length) this.#files.add(hash);
			else if (end >= known) this.#directories.add(hash);
		});
		this.#last = folded;
	}

	/** The suspects among the keys that were added. */
	among(keys: Iterable<string>): string[] {
		const suspicious = this.#suspicious();
		const suspects: string[] = [];
		if (suspicious.size === 0) return suspects;
		for (const key of keys) {
			let count = 0;
			hashNames(fold(key), (hash) => {
				if (suspicious.has(hash)) count++;
			});
			if (count > 0) suspects.push(key);
		}
		return suspects;
	}

	/** Hashes that two files have, or a file and a directory. */
	#suspicious(): Set<number> {
		const [files, directories] = [this.#files.sorted(), this.#directories.sorted()];
		const found = new Set<number>();
		let at = 0;
		for (const [index, hash] of files.entries()) {
			while (at < directories.length && (directories[at] as number) < hash) at++;
			if (hash === files[index + 1] || hash === directories[at]) found.add(hash);
		}
		return found;
	}
}

const printableAscii = /^[ -~]*$/;

function fold(key: string): string {
	return printableAscii.test(key) ? key.toLowerCase() : foldName(key, { case: true, normalization: true });
}

function commonLength(a: string, b: string): number {
	const most = Math.min(a.length, b.length);
	let length = 0;
	while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
	return length;
}

const slash = 0x2f;

/** Tells for each directory on the way of a key, and for the key itself, where its name ends and 53 bits of hash. */
function hashNames(key: string, tell: (hash: number, end: number) => void): void {
	let [low, high] = [0x811c9dc5, 0x9e3779b9];
	for (let index = 0; index < key.length; index++) {
		const code = key.charCodeAt(index);
		if (code === slash) tell(joined(low, high), index);
		low = Math.imul(low ^ code, 0x01000193);
		high = Math.imul((high << 5) ^ (high >>> 27) ^ code, 0x85ebca77);
	}
	tell(joined(low, high), key.length);
}

function joined(low: number, high: number): number {
	return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

/** Numbers in 8 bytes each. */
class NumberList {
	#numbers = new Float64Array(1024);
	#count = 0;

	add(number: number): void {
		if (this.#count === this.#numbers.length) {
			const longer = new Float64Array(2 * this.#count);
			longer.set(this.#numbers);
			this.#numbers = longer;
		}
		this.#numbers[this.#count++] = number;
	}

	/** No more are added after it. */
	sorted(): Float64Array {
		// eslint-disable-next-line no-restricted-syntax -- numbers of a typed array, which a comparison makes five times slower
		return this.#numbers.subarray(0, this.#count).sort();
	}
}
