/** An answer of S3 that is no success: its code and the HTTP status that belongs to it. */
export class S3Fault extends Error {
	override readonly name = "S3Fault";
	constructor(
		readonly code: string,
		readonly status: number,
		message: string,
		/** Headers that the answer has besides. */
		readonly headers: Readonly<Record<string, string>> = {},
	) {
		super(message);
	}
}
