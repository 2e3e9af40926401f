/** Whether servers answer. */
import { proxiedFetch } from "../../node/proxied-fetch.ts";
import { type Finding, fault, ok } from "./finding.ts";

/** Milliseconds to wait for an answer. */
const patience = 5000;

/** Asks a catalog or an identity service for anything; every answer counts. */
export async function checkServer(
	check: string,
	what: string,
	url: string,
	signal: AbortSignal,
): Promise<Finding> {
	try {
		const response = await proxiedFetch(url, {
			method: "HEAD",
			redirect: "manual",
			signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
		});
		await response.body?.cancel();
		return ok(check, `${what}, ${url}`);
	} catch (error) {
		signal.throwIfAborted();
		return fault(
			check,
			"problem",
			`${what} ${url} does not answer: ${reason(error)}`,
			"Check the network, proxy settings (HTTPS_PROXY) and certificates (NODE_EXTRA_CA_CERTS), or choose another: bale config URL",
		);
	}
}

function reason(error: unknown): string {
	for (let current = error; current instanceof Error; current = current.cause) {
		const code = "code" in current ? String(current.code) : "";
		if (/^[A-Z][A-Z0-9_]+$/.test(code)) return code;
		if (current.name === "TimeoutError") return "it took too long";
	}
	return "there is no connection";
}
