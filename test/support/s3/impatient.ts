/** Node's transport for tests in which answers do not come: it gives up after a second instead of half a minute. */
import { nodeTransport } from "../../../src/node/s3-transport.ts";
import type { Transport } from "../../../src/storage/s3/transport.ts";

const impatienceMs = 1000;

export const impatient: Transport = async (request, signal) => {
	const late = new AbortController();
	const timer = setTimeout(() => {
		late.abort(new Error("no answer"));
	}, impatienceMs);
	try {
		const signals = [late.signal, ...(signal === undefined ? [] : [signal])];
		return await nodeTransport(request, AbortSignal.any(signals));
	} finally {
		clearTimeout(timer);
	}
};
