/** How often something that comes damaged is read in all. */
const damagedReads = 3;

/**
 * Bytes that came over a network may be damaged where the object is not: what counts is what comes again and again. `isDamage`
 * tells whether an error may be about the bytes that came.
 */
export async function repeatedly<T>(
	read: () => Promise<T>,
	isDamage: (error: unknown) => boolean,
): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await read();
		} catch (error) {
			if (attempt === damagedReads || !isDamage(error)) throw error;
		}
	}
}
