/** A request as S3 means it: bucket, key, query and headers, from what HTTP gave. */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { decodeUtf8, decodeUtf8Lenient } from "../../core/utf8.ts";
import { S3Fault } from "./fault.ts";

export type S3Request = {
	readonly method: string;
	/** Decoded path, with its first slash: what is signed is its encoding. */
	readonly path: string;
	/** Empty: the request is about the service. */
	readonly bucket: string;
	/** Empty: the request is about the bucket. */
	readonly key: string;
	/** All parameters, decoded, in their order. */
	readonly parameters: readonly (readonly [name: string, value: string])[];
	/** The first value of each. */
	readonly query: ReadonlyMap<string, string>;
	/** Lower-case names; several values of one name are joined by commas. */
	readonly headers: ReadonlyMap<string, string>;
};

/** Which names a server answers to: those in `names`, and below each of them the buckets. Undefined: any name, without buckets below it. */
export type ServedNames = { readonly names: readonly string[]; readonly any: boolean };

/** Throws `InvalidURI`, `InvalidRequest` and `AccessDenied` (another host). */
export function readRequest(message: IncomingMessage, served: ServedNames): S3Request {
	const target = message.url ?? "";
	if (!target.startsWith("/"))
		throw new S3Fault("InvalidURI", 400, "The request does not begin with a path.");
	const mark = target.indexOf("?");
	const path = decode(mark < 0 ? target : target.slice(0, mark));
	const parameters = mark < 0 ? [] : readQuery(target.slice(mark + 1));
	const query = new Map<string, string>();
	for (const [name, value] of parameters) if (!query.has(name)) query.set(name, value);
	const headers = readHeaders(message.rawHeaders);
	const inHost = bucketOfHost(headers.get("host"), served);
	const method = message.method ?? "";
	const common = { method, path, parameters, query, headers };
	if (inHost !== undefined) return { ...common, bucket: inHost, key: path.slice(1) };
	const slash = path.indexOf("/", 1);
	if (slash < 0) return { ...common, bucket: path.slice(1), key: "" };
	return { ...common, bucket: path.slice(1, slash), key: path.slice(slash + 1) };
}

function readQuery(text: string): [string, string][] {
	return text
		.split("&")
		.filter((part) => part !== "")
		.map((part) => {
			const equals = part.indexOf("=");
			const [name, value] = equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
			return [decode(name.replaceAll("+", " ")), decode(value.replaceAll("+", " "))];
		});
}

/** Headers are bytes; Node gives each byte as a character. */
function readHeaders(raw: readonly string[]): Map<string, string> {
	const headers = new Map<string, string>();
	for (let index = 0; index + 1 < raw.length; index += 2) {
		const name = (raw[index] ?? "").toLowerCase();
		const value = decodeUtf8Lenient(Buffer.from(raw[index + 1] ?? "", "latin1")).trim();
		const before = headers.get(name);
		if (before !== undefined && (name === "host" || name === "authorization" || name === "content-length"))
			throw new S3Fault("InvalidRequest", 400, `The header ${name} is there twice.`);
		headers.set(name, before === undefined ? value : `${before},${value}`);
	}
	return headers;
}

/** Bytes that `%XX` stands for, which must be UTF-8. */
function decode(text: string): string {
	if (!text.includes("%") && /^[\x20-\x7e]*$/.test(text)) return text;
	if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw notUtf8();
	const bytes = Buffer.from(text, "latin1")
		.toString("latin1")
		.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
	try {
		return decodeUtf8(Buffer.from(bytes, "latin1"));
	} catch {
		throw notUtf8();
	}
}

function notUtf8(): S3Fault {
	return new S3Fault("InvalidURI", 400, "The address is not percent-encoded UTF-8.");
}

/** The bucket in a host name; undefined when it is in the path. */
function bucketOfHost(host: string | undefined, served: ServedNames): string | undefined {
	const name = (host ?? "").toLowerCase().replace(/:\d*$/, "");
	if (served.names.includes(name)) return undefined;
	const parent = served.names.find((candidate) => isIP(candidate) === 0 && name.endsWith(`.${candidate}`));
	if (parent !== undefined) return name.slice(0, -parent.length - 1);
	if (served.any) return undefined;
	throw new S3Fault("AccessDenied", 403, "This server does not answer to that host name.");
}

/** Names of a server that listens on `host`. Beyond loopback it cannot know what others call it. */
export function servedNames(host: string): ServedNames {
	const bracketed = isIP(host) === 6 ? `[${host}]` : host.toLowerCase();
	return {
		names: [...new Set(["localhost", "127.0.0.1", "[::1]", bracketed])],
		any: !isLoopback(host),
	};
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
