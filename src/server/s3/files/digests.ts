import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { createCrc64Nvme } from "../../../core/crc64nvme.ts";
import type { Digest } from "../../../core/hash.ts";
import type { ObjectChecksum } from "../bucket.ts";
import { bigEndian, createCrc32c } from "./crc32c.ts";

type Algorithm = ObjectChecksum["algorithm"];

/** Digests by algorithm. */
export type Digests = Readonly<Partial<Record<Algorithm, Uint8Array>>>;

/** A new digest of one of S3's checksum algorithms. */
export function createDigest(algorithm: Algorithm): Digest {
	switch (algorithm) {
		case "SHA256":
			return nodeDigest("sha256");
		case "SHA1":
			return nodeDigest("sha1");
		case "CRC64NVME":
			return createCrc64Nvme();
		case "CRC32":
			return createCrc32();
		case "CRC32C":
			return createCrc32c();
	}
}

/** MD5 and other digests of one content. `digest` may be called once, and gives the MD5 first. */
export function createDigests(algorithms: readonly Algorithm[]): {
	update(bytes: Uint8Array): void;
	digest(): [md5: Uint8Array, digests: Digests];
} {
	const md5 = nodeDigest("md5");
	const others = [...new Set(algorithms)].map((algorithm) => ({
		algorithm,
		digest: createDigest(algorithm),
	}));
	return {
		update(bytes) {
			md5.update(bytes);
			for (const { digest } of others) digest.update(bytes);
		},
		digest: () => [
			md5.digest(),
			Object.fromEntries(others.map(({ algorithm, digest }) => [algorithm, digest.digest()])),
		],
	};
}

function nodeDigest(name: string): Digest {
	const hash = createHash(name);
	return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
}

function createCrc32(): Digest {
	let crc = 0;
	return { update: (bytes) => void (crc = crc32(bytes, crc)), digest: () => bigEndian(crc) };
}
