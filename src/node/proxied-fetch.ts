import type { Dispatcher } from "undici";
import type { Environment } from "./places.ts";
import { proxyFor, proxySettings, trustOf, type ProxySettings } from "./proxies.ts";

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Made once for each setting of the variables, since it keeps connections. */
const prepared = new Map<string, Promise<Fetch>>();

/**
 * `fetch` through the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, trusting also the authorities in
 * `AWS_CA_BUNDLE` (a PEM file), as AWS tools do; `NODE_EXTRA_CA_CERTS` is Node's own and always counts. Node's own
 * `fetch` knows none of these, so another client is loaded when one is set. `InvalidConfig` for a file that cannot be
 * read and for a proxy that is no address.
 */
export async function proxiedFetch(
	url: string,
	init?: RequestInit,
	env: Environment = process.env,
): Promise<Response> {
	const settings = proxySettings(env);
	const { httpProxy, httpsProxy, bundle } = settings;
	if (httpProxy === "" && httpsProxy === "" && bundle === "") return fetch(url, init);
	proxyFor(url, settings);
	const key = JSON.stringify(settings);
	let ready = prepared.get(key);
	if (ready === undefined) {
		ready = prepare(settings);
		prepared.set(key, ready);
		ready.catch(() => prepared.delete(key));
	}
	return (await ready)(url, init);
}

async function prepare(settings: ProxySettings): Promise<Fetch> {
	const trust = trustOf(settings);
	const { Agent, ProxyAgent, fetch: undiciFetch } = await import("undici");
	const tls = trust.ca === undefined ? {} : { connect: trust, requestTls: trust, proxyTls: trust };
	const proxies = new Map<string, Dispatcher>();
	// Decided for each request, since a redirect may lead to a host with another proxy.
	const dispatcher = new Agent(tls).compose((direct) => (options, handler) => {
		const proxy = proxyFor(String(options.origin), settings)?.href;
		if (proxy === undefined) return direct(options, handler);
		const agent = proxies.get(proxy) ?? new ProxyAgent({ ...tls, uri: proxy });
		proxies.set(proxy, agent);
		return agent.dispatch(options, handler);
	});
	// The same interface as the global one, by another class.
	const request: unknown = undiciFetch;
	const options: object = { dispatcher };
	return (url, init) => (request as Fetch)(url, { ...init, ...options });
}
