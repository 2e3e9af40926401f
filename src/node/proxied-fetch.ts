import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { BaleError } from "../core/errors.ts";
import type { Environment } from "./places.ts";

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

const proxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/** Made once for each setting of the variables, since it keeps connections. */
const prepared = new Map<string, Promise<Fetch>>();

/**
 * `fetch` through the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, trusting also the authorities in
 * `AWS_CA_BUNDLE` (a PEM file), as AWS tools do; `NODE_EXTRA_CA_CERTS` is Node's own and always counts. Node's own
 * `fetch` knows none of these, so another client is loaded when one is set. `InvalidConfig` for a file that cannot be
 * read.
 */
export async function proxiedFetch(
	url: string,
	init?: RequestInit,
	env: Environment = process.env,
): Promise<Response> {
	const names = [...proxyVariables, "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE"];
	if (![...proxyVariables, "AWS_CA_BUNDLE"].some((name) => (env[name] ?? "") !== "")) return fetch(url, init);
	const key = JSON.stringify(names.map((name) => env[name]));
	let ready = prepared.get(key);
	if (ready === undefined) {
		ready = prepare(env);
		prepared.set(key, ready);
	}
	return (await ready)(url, init);
}

async function prepare(env: Environment): Promise<Fetch> {
	const bundle = env["AWS_CA_BUNDLE"];
	const ca = bundle === undefined || bundle === "" ? undefined : [...rootCertificates, readBundle(bundle)];
	const undici = await import("undici");
	const tls = ca === undefined ? {} : { connect: { ca }, requestTls: { ca }, proxyTls: { ca } };
	const dispatcher = new undici.EnvHttpProxyAgent({
		...tls,
		httpProxy: env["http_proxy"] ?? env["HTTP_PROXY"] ?? "",
		httpsProxy: env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "",
		noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
	});
	// The same interface as the global one, by another class.
	const request: unknown = undici.fetch;
	const options: object = { dispatcher };
	return (url, init) => (request as Fetch)(url, { ...init, ...options });
}

function readBundle(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		throw new BaleError("InvalidConfig", `Cannot read the certificates of AWS_CA_BUNDLE, ${path}`, {
			hint: "Unset the variable, or name a PEM file",
			details: { path },
			cause: error,
		});
	}
}
