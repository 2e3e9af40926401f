import { formatBase64, parseBase64 } from "../../core/base64.ts";
import { chunkedHashValue, partSize, type CreateDigest, type Hash } from "../../core/hash.ts";
import { formatHex } from "../../core/hex.ts";
import type { Checksum } from "../store.ts";

/**
 * The `sha2-256-chunked` hash that a checksum stands for; undefined when the object was sent in other parts
 * than quilt3 8.0.0 and bale send it in. The sizes of the parts are taken to be those: compare the result with
 * a hash, and do not put it in the place of one, unless it is known how the object was sent.
 */
export function chunkedHash(checksum: Checksum, size: number, createSha256: CreateDigest): Hash | undefined {
	const type = "sha2-256-chunked";
	const digest = parseBase64(checksum.sha256);
	if (digest?.length !== 32) return undefined;
	if (checksum.parts !== undefined) {
		const fits = size > 0 && checksum.parts === Math.ceil(size / partSize(size));
		return fits ? { type, value: checksum.sha256 } : undefined;
	}
	if (size === 0) return { type, value: checksum.sha256 };
	return size > partSize(size) ? undefined : { type, value: chunkedHashValue([digest], createSha256) };
}

/**
 * The `sha2-256-chunked` hash of a content by its store's checksum; undefined when the checksum does not prove it: of an
 * object in several parts only their number is known.
 */
export function provenHash(
	info: { readonly size: number; readonly checksum?: Checksum },
	createSha256: CreateDigest,
): Hash | undefined {
	const { checksum, size } = info;
	if (checksum === undefined || (checksum.parts ?? 1) > 1) return undefined;
	return chunkedHash(checksum, size, createSha256);
}

/**
 * What a store's checksum says for certain of the hash that is expected: the same, or another of its type; undefined when
 * it says nothing. A checksum of parts can confirm a hash, and refutes none.
 */
export function toldHash(
	info: { readonly size: number; readonly checksum?: Checksum },
	expected: Hash,
	createSha256: CreateDigest,
): Hash | undefined {
	const { checksum, size } = info;
	if (checksum === undefined) return undefined;
	if (expected.type === "sha2-256-chunked") {
		const hash = chunkedHash(checksum, size, createSha256);
		return hash?.value === expected.value ? hash : provenHash(info, createSha256);
	}
	if (expected.type !== "SHA256" || checksum.parts !== undefined) return undefined;
	const digest = parseBase64(checksum.sha256);
	return digest && { type: "SHA256", value: formatHex(digest) };
}

/** The checksum of an object sent in parts with these SHA-256 digests. */
export function compositeChecksum(digests: readonly Uint8Array[], createSha256: CreateDigest): Checksum {
	return { sha256: chunkedHashValue(digests, createSha256), parts: digests.length };
}

export function isSameChecksum(one: Checksum | undefined, other: Checksum): boolean {
	return one?.sha256 === other.sha256 && one.parts === other.parts;
}

/** The checksum of an object sent whole. */
export function wholeChecksum(digest: Uint8Array): Checksum {
	return { sha256: formatBase64(digest) };
}

/** What a server writes: base64, with `-N` after it for an object sent in N parts. Undefined when it is something else. */
export function parseChecksum(text: string | undefined): Checksum | undefined {
	const parts = /^([A-Za-z0-9+/]{43}=)(?:-(\d{1,5}))?$/.exec(text ?? "");
	if (parts?.[1] === undefined) return undefined;
	return parts[2] === undefined ? { sha256: parts[1] } : { sha256: parts[1], parts: Number(parts[2]) };
}
