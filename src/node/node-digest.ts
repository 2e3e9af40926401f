import { createHash, hashOnce } from "./crypto.mjs";
import type { CreateDigest } from "../core/hash.ts";

/** SHA-256 by OpenSSL, with the processor's own instructions where it has them. */
export const createNodeSha256: CreateDigest = Object.assign(
	() => {
		const hash = createHash("sha256");
		return {
			update: (bytes: Uint8Array) => void hash.update(bytes),
			digest: () => new Uint8Array(hash.digest()),
		};
	},
	{ once: (bytes: Uint8Array): Uint8Array => hashOnce("sha256", bytes, "buffer") },
);
