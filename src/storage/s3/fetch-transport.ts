import { BaleError } from "../../core/errors.ts";
import type { Transport, TransportRequest } from "./transport.ts";

/** What the CORS rules of a bucket must expose to pages. */
const exposed = "ETag, Content-Range, x-amz-version-id, x-amz-checksum-sha256, x-amz-checksum-type";

/**
 * Sends requests with `fetch`, as pages do. The bucket's CORS rules must allow it and expose `ETag`, `Content-Range` and
 * `x-amz-*`: asking for a header that is hidden, although the answer must have it, throws `InvalidConfig`.
 */
export function fetchTransport(send: typeof fetch = (input, init) => fetch(input, init)): Transport {
	const transport: Transport = async (request, signal) => {
		const { host: _host, ...headers } = request.headers;
		const response = await send(request.origin + request.target, {
			method: request.method,
			headers,
			redirect: "manual",
			credentials: "omit",
			cache: "no-store",
			...(request.body === undefined ? {} : { body: request.body as Uint8Array<ArrayBuffer> }),
			...(signal === undefined ? {} : { signal }),
		});
		if (response.type === "opaqueredirect") throw redirected(request);
		return {
			status: response.status,
			header(name) {
				const value = response.headers.get(name) ?? undefined;
				if (value === undefined && isHidden(name, response)) throw hidden(name, request);
				return value;
			},
			stream: () => response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
			discard: () => void response.body?.cancel().catch(() => undefined),
		};
	};
	return Object.assign(transport, { filtersHeaders: true as const });
}

/** Whether the answer must have a header that the page does not see. */
function isHidden(name: string, { type, ok, status }: Response): boolean {
	if (type !== "cors") return false;
	return (name === "etag" && ok) || (name === "content-range" && status === 206);
}

function hidden(name: string, { origin }: TransportRequest): BaleError {
	return new BaleError("InvalidConfig", `Cannot see the header "${name}" of answers of ${origin}`, {
		hint: `Let the CORS rules of the bucket expose: ${exposed}`,
		details: { endpoint: origin, header: name },
	});
}

/** Pages are not told where to. */
function redirected({ origin }: TransportRequest): BaleError {
	return new BaleError("InvalidConfig", `${origin} leads elsewhere: the bucket is in another region`, {
		hint: "Give the store its region: new S3Store({ region: … })",
		details: { endpoint: origin },
	});
}
