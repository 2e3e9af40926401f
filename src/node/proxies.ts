/** Which proxy a request takes, and which authorities are trusted: the variables that all clients of this process share. */
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { BaleError } from "../core/errors.ts";
import type { Environment } from "./places.ts";

export type ProxySettings = {
	/** Proxy for `http:` addresses; empty: none. */
	readonly httpProxy: string;
	/** Proxy for `https:` addresses; empty: none. */
	readonly httpsProxy: string;
	/** Hosts that no proxy is asked for. */
	readonly noProxy: string;
	/** PEM file with authorities that are trusted besides Node's own; empty: none. */
	readonly bundle: string;
	/** Such a file that Node itself trusts, unless it is given others. */
	readonly extra: string;
};

/** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` (in lower case, too, which wins) and `AWS_CA_BUNDLE`. */
export function proxySettings(env: Environment): ProxySettings {
	const read = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? "";
	return {
		httpProxy: read("HTTP_PROXY"),
		httpsProxy: read("HTTPS_PROXY"),
		noProxy: read("NO_PROXY"),
		bundle: env["AWS_CA_BUNDLE"] ?? "",
		extra: env["NODE_EXTRA_CA_CERTS"] ?? "",
	};
}

/**
 * The proxy for an origin; undefined: none. `NO_PROXY` is a list of hosts, each of which stands for its subdomains too
 * and may have a port; `*` stands for all. `InvalidConfig` for a proxy that is no address, without what it says, since
 * that may hold a password.
 */
export function proxyFor(origin: string, settings: ProxySettings): URL | undefined {
	const { protocol, hostname, port } = new URL(origin);
	const secure = protocol === "https:";
	const text = secure ? settings.httpsProxy : settings.httpProxy;
	if (text === "" || isExcepted(hostname, port || (secure ? "443" : "80"), settings.noProxy))
		return undefined;
	try {
		const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
		if (url.protocol === "http:" || url.protocol === "https:") return url;
	} catch {
		// Said below.
	}
	const variable = secure ? "HTTPS_PROXY" : "HTTP_PROXY";
	throw new BaleError(
		"InvalidConfig",
		`Cannot use the proxy of ${variable}: it is no http or https address`,
		{
			hint: "Unset the variable, or give an address such as http://proxy.example.com:3128",
			details: { variable },
		},
	);
}

function isExcepted(host: string, port: string, noProxy: string): boolean {
	const name = host.toLowerCase().replace(/^\[|\]$/g, "");
	return noProxy
		.toLowerCase()
		.split(/[\s,]+/)
		.some((entry) => {
			if (entry === "*") return true;
			const [, bracketed, plain = "", wanted] = /^(?:\[([^\]]+)\]|(.*?))(?::(\d+))?$/.exec(entry) ?? [];
			const isAddress = bracketed === undefined && plain.includes(":");
			const excepted = isAddress ? entry : (bracketed ?? plain).replace(/^\*?\./, "");
			if (excepted === "" || (!isAddress && wanted !== undefined && wanted !== port)) return false;
			return name === excepted || name.endsWith(`.${excepted}`);
		});
}

/** Options for TLS: nothing without a bundle. `InvalidConfig` when it cannot be read. */
export function trustOf({ bundle, extra }: ProxySettings): { readonly ca?: string[] } {
	if (bundle === "") return {};
	let text: string;
	try {
		text = readFileSync(bundle, "utf8");
	} catch (error) {
		throw new BaleError("InvalidConfig", `Cannot read the certificates of AWS_CA_BUNDLE, ${bundle}`, {
			hint: "Unset the variable, or name a PEM file",
			details: { path: bundle },
			cause: error,
		});
	}
	const extras: string[] = [];
	try {
		if (extra !== "") extras.push(readFileSync(extra, "utf8"));
	} catch {
		// Node has warned of it when it started.
	}
	return { ca: [...rootCertificates, ...extras, text] };
}
