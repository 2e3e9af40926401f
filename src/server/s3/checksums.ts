/** The checksums that a request gives or asks for, in headers and trailers. */
import { formatBase64, parseBase64 } from "../../core/base64.ts";
import type { ObjectChecksum, ObjectVersion } from "./bucket.ts";
import { S3Fault } from "./fault.ts";

export type ChecksumAlgorithm = ObjectChecksum["algorithm"];

/** Bytes of a digest. */
const digestBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
	SHA256: 32,
	CRC64NVME: 8,
	SHA1: 20,
	CRC32: 4,
	CRC32C: 4,
};

export const algorithms = Object.keys(digestBytes) as readonly ChecksumAlgorithm[];

/** `x-amz-checksum-sha256` and the like. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
	return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** `ChecksumSHA256` and the like. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
	return `Checksum${algorithm}`;
}

/** The algorithm that a header or parameter names; undefined when it is not there. Throws `InvalidRequest`. */
export function namedAlgorithm(text: string | undefined): ChecksumAlgorithm | undefined {
	if (text === undefined) return undefined;
	const found = algorithms.find((algorithm) => algorithm === text.toUpperCase());
	if (found === undefined)
		throw new S3Fault("InvalidRequest", 400, "The checksum algorithm is not supported.");
	return found;
}

/** The checksums that headers give: value by algorithm. Throws `InvalidRequest` for what is none. */
export function givenChecksums(headers: ReadonlyMap<string, string>): Map<ChecksumAlgorithm, string> {
	const given = new Map<ChecksumAlgorithm, string>();
	for (const algorithm of algorithms) {
		const value = headers.get(checksumHeader(algorithm));
		if (value === undefined) continue;
		checkForm(algorithm, value);
		given.set(algorithm, value);
	}
	return given;
}

/** Throws `InvalidRequest` unless `value` is a digest of that algorithm. */
export function checkForm(algorithm: ChecksumAlgorithm, value: string): void {
	if (parseBase64(value)?.length === digestBytes[algorithm]) return;
	throw new S3Fault("InvalidRequest", 400, `Value for ${checksumHeader(algorithm)} header is invalid.`);
}

/** Throws `BadDigest` when the digest of what came is not the one that was promised. */
export function verifyDigest(name: string, digest: Uint8Array | undefined, promised: string): void {
	if (digest !== undefined && formatBase64(digest) === promised) return;
	throw new S3Fault("BadDigest", 400, `The ${name} that you gave is not that of what was received.`);
}

/** The checksum of a whole, to be kept with it. */
export function fullChecksum(
	algorithm: ChecksumAlgorithm | undefined,
	digests: Readonly<Partial<Record<ChecksumAlgorithm, Uint8Array>>>,
): ObjectChecksum | undefined {
	const digest = algorithm === undefined ? undefined : digests[algorithm];
	if (algorithm === undefined || digest === undefined) return undefined;
	return { algorithm, value: formatBase64(digest), type: "FULL_OBJECT" };
}

/** Headers that tell the checksum of a version. */
export function checksumHeaders({ checksum }: Pick<ObjectVersion, "checksum">): Record<string, string> {
	if (checksum === undefined) return {};
	return { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type };
}
