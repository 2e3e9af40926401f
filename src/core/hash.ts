/** Content hashes of entries. Rules: `docs/format.md`, Content hashes. */
import { formatBase64 } from "./base64.ts";
import { createCrc64Nvme } from "./crc64nvme.ts";
import { formatHex } from "./hex.ts";

/** Types that bale can compute and check. */
export type HashType = "SHA256" | "sha2-256-chunked" | "CRC64NVME";

/** A content hash as a manifest has it; `type` is open, since manifests of others may have newer ones. */
export type Hash = { readonly type: string; readonly value: string };

/** A checksum that is fed in pieces; `digest` may be called once. */
export interface Digest {
	update(bytes: Uint8Array): void;
	digest(): Uint8Array;
}
export type CreateDigest = (() => Digest) & {
	/** The checksum of bytes that are all there, where there is a shorter way to it. */
	readonly once?: (bytes: Uint8Array) => Uint8Array;
};

/** The checksum of bytes that are all there. */
export function digestOnce(bytes: Uint8Array, createDigest: CreateDigest): Uint8Array {
	if (createDigest.once !== undefined) return createDigest.once(bytes);
	const digest = createDigest();
	digest.update(bytes);
	return digest.digest();
}

/** Computes the hash of one content, fed in pieces of any size; `digest` may be called once. */
export interface Hasher {
	update(bytes: Uint8Array): void;
	digest(): Hash;
}

const mebibyte = 1024 * 1024;
const maxParts = 10_000;

/**
 * Size in bytes of the parts that a content of `size` bytes is hashed and uploaded in: 8 MiB,
 * doubled until there are at most 10,000 parts (quilt3 8.0.0 behaviour).
 */
export function partSize(size: number): number {
	let part = 8 * mebibyte;
	while (Math.ceil(size / part) > maxParts) part *= 2;
	return part;
}

/** Whether bale can compute hashes of this type. */
export function isKnownHashType(type: string): type is HashType {
	return type === "SHA256" || type === "sha2-256-chunked" || type === "CRC64NVME";
}

/** The value of a `sha2-256-chunked` hash from the SHA-256 digests (32 bytes each) of the parts in order. */
export function chunkedHashValue(partDigests: readonly Uint8Array[], createSha256: CreateDigest): string {
	const outer = createSha256();
	for (const digest of partDigests) outer.update(digest);
	return formatBase64(outer.digest());
}

/** Computes `sha2-256-chunked` of a content whose size in bytes is known beforehand. */
export class ChunkedHasher implements Hasher {
	readonly #createSha256: CreateDigest;
	readonly #partSize: number;
	readonly #parts: Uint8Array[] = [];
	#part: Digest | undefined;
	#left = 0; // bytes still missing in the current part

	constructor(size: number, createSha256: CreateDigest) {
		this.#createSha256 = createSha256;
		this.#partSize = partSize(size);
	}

	update(bytes: Uint8Array): void {
		for (let at = 0; at < bytes.length;) {
			if (this.#part === undefined) {
				this.#part = this.#createSha256();
				this.#left = this.#partSize;
			}
			const length = Math.min(this.#left, bytes.length - at);
			this.#part.update(bytes.subarray(at, at + length));
			at += length;
			this.#left -= length;
			if (this.#left === 0) this.#finishPart();
		}
	}

	digest(): Hash {
		this.#finishPart();
		return { type: "sha2-256-chunked", value: chunkedHashValue(this.#parts, this.#createSha256) };
	}

	#finishPart(): void {
		if (this.#part !== undefined) this.#parts.push(this.#part.digest());
		this.#part = undefined;
	}
}

/**
 * A hasher of `type` for a content of `size` bytes (the size decides the part size and nothing else;
 * comparing it with what was fed is the caller's part).
 */
export function createHasher(type: HashType, size: number, createSha256: CreateDigest): Hasher {
	switch (type) {
		case "sha2-256-chunked":
			return new ChunkedHasher(size, createSha256);
		case "SHA256":
			return digestHasher(type, createSha256(), formatHex);
		case "CRC64NVME":
			return digestHasher(type, createCrc64Nvme(), formatBase64);
	}
}

function digestHasher(type: HashType, digest: Digest, format: (bytes: Uint8Array) => string): Hasher {
	return {
		update(bytes) {
			digest.update(bytes);
		},
		digest() {
			return { type, value: format(digest.digest()) };
		},
	};
}

/** Whether both are there and the same. */
export function sameHash(a: Hash | undefined, b: Hash | undefined): boolean {
	return a !== undefined && b !== undefined && a.type === b.type && a.value === b.value;
}
