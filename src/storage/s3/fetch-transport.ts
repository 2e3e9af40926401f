import type { Transport } from "./transport.ts";

/** Sends requests with `fetch`, as pages do. The bucket's CORS rules must allow it and expose `ETag` and `x-amz-*`. */
export function fetchTransport(send: typeof fetch = (input, init) => fetch(input, init)): Transport {
	return async (request, signal) => {
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
		return {
			status: response.status,
			header: (name) => response.headers.get(name) ?? undefined,
			stream: () => response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
			discard: () => void response.body?.cancel().catch(() => undefined),
		};
	};
}
