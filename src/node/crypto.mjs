/**
 * Node's crypto, loaded when something is first hashed: it takes longer than half of the commands need for all their work,
 * and they hash nothing.
 *
 * @typedef {typeof import("node:crypto")} Crypto
 */

/** @type {Crypto | undefined} */
let loaded;

/** @returns {Crypto} */
function crypto() {
	return (loaded ??= process.getBuiltinModule("node:crypto"));
}

/** @type {Crypto["createHash"]} */
export const createHash = (algorithm, options) => crypto().createHash(algorithm, options);

/** Hashes what is there at once. @type {Crypto["hash"]} */
export const hashOnce = /** @type {Crypto["hash"]} */ (
	(/** @type {Parameters<Crypto["hash"]>} */ ...args) => crypto().hash(...args)
);

/**
 * @param {number} size in bytes
 * @returns {Buffer}
 */
export const randomBytes = (size) => crypto().randomBytes(size);

/** @type {Crypto["randomUUID"]} */
export const randomUUID = (options) => crypto().randomUUID(options);
