/** The heads of HTTP/1.1 responses (RFC 9112), read strictly: whatever could be understood in two ways is refused. */

export type ResponseHead = {
	readonly status: number;
	/** Value of a header by its lower-case name; that of the first, if there are several. */
	readonly headers: ReadonlyMap<string, string>;
	/** The connection can be used again after this response. */
	readonly keepsConnection: boolean;
	readonly framing: Framing;
};

/** How the end of a body is known: by its length in bytes, by chunks, or by the end of the connection. */
export type Framing =
	| { readonly kind: "length"; readonly bytes: number }
	| { readonly kind: "chunked" }
	| { readonly kind: "close" };

/** Most bytes that a head may have. */
export const maxHeadBytes = 64 * 1024;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The head whose lines are `text` (without the empty line at its end), as answer to `method`. Throws `TypeError`. */
export function parseHead(text: string, method: string): ResponseHead {
	const lines = text.split("\r\n");
	const start = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(lines[0] ?? "");
	if (start === null) throw new TypeError("the answer is not HTTP/1.1");
	const status = Number(start[2]);
	const headers = new Map<string, string>();
	for (let index = 1; index < lines.length; index++) readField(lines[index] ?? "", headers);
	const framing = framingOf(method, status, headers);
	const options = (headers.get("connection") ?? "").toLowerCase().split(/[ \t]*,[ \t]*/);
	const stays = start[1] === "1" ? !options.includes("close") : options.includes("keep-alive");
	// Whoever is told two lengths may be told where another answer begins.
	const isClear = framing.kind === "length" || !headers.has("content-length");
	return { status, headers, keepsConnection: stays && isClear && framing.kind !== "close", framing };
}

/** Two fields that decide where the body ends must agree; of others, the first counts. */
function readField(line: string, headers: Map<string, string>): void {
	const colon = line.indexOf(":");
	const name = line.slice(0, Math.max(0, colon)).toLowerCase();
	const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");

	if (!token.test(name) || /[\0\r\n]/.test(value)) throw new TypeError("a header of the answer is malformed");
	const before = headers.get(name);
	if (before === undefined) headers.set(name, value);
	else if (name === "transfer-encoding" || (name === "content-length" && before !== value)) {
		throw new TypeError(`the answer has several ${name} headers`);
	} else if (name === "connection") headers.set(name, `${before}, ${value}`);
}

function framingOf(method: string, status: number, headers: ReadonlyMap<string, string>): Framing {
	if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
		return { kind: "length", bytes: 0 };
	}
	const coding = headers.get("transfer-encoding");
	if (coding !== undefined) {
		if (coding.toLowerCase() !== "chunked") throw new TypeError(`the answer is encoded as ${coding}`);
		return { kind: "chunked" };
	}
	const length = headers.get("content-length");
	if (length === undefined) return { kind: "close" };
	if (!/^\d{1,15}$/.test(length)) throw new TypeError("the length of the answer is no number");
	return { kind: "length", bytes: Number(length) };
}
