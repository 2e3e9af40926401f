/** An answer of S3 that is no success: its code and the HTTP status that belongs to it. */
export class S3Fault extends Error {
	override readonly name = "S3Fault";
	readonly code: string;
	readonly status: number;
	/** Headers that the answer has besides. */
	readonly headers: Readonly<Record<string, string>>;

	constructor(code: string, status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
		super(message);
		this.code = code;
		this.status = status;
		this.headers = headers;
	}
}
