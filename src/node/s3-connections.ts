/** Connections to S3 servers: straight, or through a proxy. */
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import { BaleError } from "../core/errors.ts";
import { proxyFor, trustOf, type ProxySettings } from "./proxies.ts";

/** What of `http.request`'s options depends on where a request goes and how. */
export type Route = {
	readonly secure: boolean;
	readonly agent: http.Agent;
	readonly hostname: string;
	readonly port?: number;
	/** Before the path: a proxy for `http:` wants the whole address. */
	readonly pathPrefix: string;
	/** What a proxy wants to know, and the server does not. */
	readonly headers: Readonly<Record<string, string>>;
};

const pooled = { keepAlive: true, maxSockets: 64, scheduling: "lifo" } as const;
const connectMs = 30_000;

/**
 * The route to an origin under these settings. Connections are kept and used again; idle ones do not keep the process
 * alive. `InvalidConfig` for a bundle that cannot be read and for a proxy that is no address.
 */
export function routesFor(settings: ProxySettings): (origin: string) => Route {
	const agents = new Map<string, http.Agent>();
	const routes = new Map<string, Route>();
	let trust: { readonly ca?: string[] } | undefined;
	const agentOf = (id: string, make: () => http.Agent): http.Agent => {
		const agent = agents.get(id) ?? make();
		agents.set(id, agent);
		return agent;
	};
	const find = (origin: string): Route => {
		const authority = /^(https?):\/\/(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(origin);
		if (authority === null) throw new TypeError(`no origin: ${origin}`);
		const secure = authority[1] === "https";
		const hostname = (authority[2] ?? "").replace(/^\[|\]$/g, "");
		const port = authority[3] === undefined ? {} : { port: Number(authority[3]) };
		const proxy = proxyFor(origin, settings);
		trust ??= trustOf(settings);
		const tlsOptions = trust;
		const straight = { secure, hostname, ...port, pathPrefix: "", headers: {} };
		if (proxy === undefined) {
			const agent = agentOf(secure ? "https:" : "http:", () =>
				secure ? new https.Agent({ ...pooled, ...tlsOptions }) : new http.Agent(pooled),
			);
			return { ...straight, agent };
		}
		if (secure) {
			const agent = agentOf(`tunnel ${proxy.href}`, () => new TunnelAgent(proxy, tlsOptions));
			return { ...straight, agent };
		}
		const toProxy = proxy.protocol === "https:";
		const agent = agentOf(toProxy ? "https:" : "http:", () =>
			toProxy ? new https.Agent({ ...pooled, ...tlsOptions }) : new http.Agent(pooled),
		);
		return { secure: toProxy, agent, ...addressOf(proxy), pathPrefix: origin, headers: authorization(proxy) };
	};
	return (origin) => {
		const route = routes.get(origin) ?? find(origin);
		routes.set(origin, route);
		return route;
	};
}

/** Connections to `https:` servers that a proxy passes on without seeing into them. */
class TunnelAgent extends https.Agent {
	readonly #proxy: URL;
	readonly #trust: { readonly ca?: string[] };

	constructor(proxy: URL, trust: { readonly ca?: string[] }) {
		super({ ...pooled, ...trust });
		this.#proxy = proxy;
		this.#trust = trust;
	}

	/** Called by Node for each new connection. */
	override createConnection(
		options: tls.ConnectionOptions,
		callback: (error: Error | null, socket: Duplex) => void,
	): undefined {
		const fail = (error: Error): void => {
			callback(error, undefined as unknown as Duplex);
		};
		const { host = "", port = 443 } = options;
		const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
		const secure = this.#proxy.protocol === "https:";
		const request = (secure ? https : http).request({
			...(secure ? this.#trust : {}),
			...addressOf(this.#proxy),
			method: "CONNECT",
			path: target,
			headers: { host: target, ...authorization(this.#proxy) },
			agent: false,
			timeout: connectMs,
		});
		request.once("timeout", () => request.destroy(new Error("the proxy did not answer")));
		let settled = false;
		request.on("error", (error) => {
			if (!settled) fail(error);
			settled = true;
		});
		request.once("connect", ({ statusCode = 0 }: http.IncomingMessage, socket) => {
			settled = true;
			socket.setTimeout(0);
			if (statusCode === 200) {
				callback(null, tls.connect({ ...options, socket }));
				return;
			}
			socket.destroy();
			fail(refusedByProxy(this.#proxy, target, statusCode));
		});
		request.end();
		return undefined;
	}
}

/** What a proxy answers instead of passing on; what may pass is a plain error, so that it is tried again. */
function refusedByProxy(proxy: URL, target: string, status: number): Error {
	const sentence = `The proxy ${proxy.host} did not connect to ${target}: it answered ${status}`;
	if (status >= 500) return new Error(sentence);
	const wantsPassword = status === 407;
	return new BaleError("StoreUnavailable", sentence, {
		hint: wantsPassword
			? "Give its user name and password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
			: "Check HTTPS_PROXY, or name the server in NO_PROXY",
		details: { proxy: proxy.host, target, status },
	});
}

/** The error of a server that cannot prove who it is, or does not even try; undefined for other errors. Trying again would not help. */
export function certificateError(error: Error, origin: string): BaleError | undefined {
	const code = "code" in error ? String(error.code) : "";
	if (/wrong.version.number/i.test(error.message)) {
		return new BaleError("StoreUnavailable", `Cannot reach ${origin}: the server does not encrypt`, {
			hint: `If it is the right server, write ${origin.replace("https:", "http:")}`,
			details: { endpoint: origin, reason: code },
			cause: error,
		});
	}
	if (!certificateCodes.has(code)) return undefined;
	const isUnknown = !["CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID"].includes(code);
	return new BaleError("StoreUnavailable", `Cannot trust ${origin}: ${error.message}`, {
		hint: isUnknown
			? "If it is the right server, set AWS_CA_BUNDLE to a PEM file with its authority"
			: "Check the endpoint, or ask who runs the server",
		details: { endpoint: origin, reason: code },
		cause: error,
	});
}

const certificateCodes: ReadonlySet<string> = new Set([
	"CERT_HAS_EXPIRED",
	"DEPTH_ZERO_SELF_SIGNED_CERT",
	"ERR_TLS_CERT_ALTNAME_INVALID",
	"SELF_SIGNED_CERT_IN_CHAIN",
	"UNABLE_TO_GET_ISSUER_CERT",
	"UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
	"UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function addressOf(url: URL): { readonly hostname: string; readonly port: number } {
	const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
	return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port };
}

function authorization({ username, password }: URL): Record<string, string> {
	if (username === "" && password === "") return {};
	const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
	return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}
