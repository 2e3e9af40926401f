import { createHash } from "./crypto.mjs";
import type { CreateDigest } from "../core/hash.ts";

/** SHA-256 by OpenSSL, with the processor's own instructions where it has them. */
export const createNodeSha256: CreateDigest = () => {
	const hash = createHash("sha256");
	return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
};
