/** Asks a catalog for its configuration, when and only when a user names it. */
import type { ConfigKey } from "../core/config-keys.ts";
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { httpUrl } from "../core/setting.ts";
import { decodeCatalogConfig } from "../protocol/catalog-config.ts";
import type { Network } from "./http.ts";
import { checkSecure, originOf, send } from "./http.ts";

export type CatalogConfig = {
	/** URL of the catalog without trailing slashes. */
	readonly url: string;
	readonly document: ReadonlyMap<ConfigKey, string | null>;
};

const redirectLimit = 5;

/**
 * Reads `config.json` of a catalog. Redirects are followed within the catalog's origin only. `InvalidConfig` for a bad URL,
 * document or redirect; `IdentityUnavailable` when the catalog does not answer as one.
 */
export async function fetchCatalogConfig(
	network: Network,
	catalogUrl: string,
	signal?: AbortSignal,
): Promise<CatalogConfig> {
	const refuse = (reason: string): never => {
		throw new BaleError("InvalidConfig", `Cannot use the catalog "${display(catalogUrl)}": ${reason}`, {
			hint: 'Give the address of a catalog, for example "https://catalog.example"',
		});
	};
	const url = httpUrl(catalogUrl.replace(/\/+$/, ""), refuse);
	let next = `${url}/config.json`;
	for (let hops = 0; hops <= redirectLimit; hops += 1) {
		const answer = await send(network, next, { signal });
		if (answer.status >= 300 && answer.status < 400) {
			const target = answer.location ?? refuse("it redirects to nowhere");
			if (originOf(target) !== originOf(url)) {
				throw new BaleError(
					"InvalidConfig",
					`Cannot use the catalog ${url}: it redirects to another host, ${originOf(target)}`,
					{
						hint: `If that is the catalog, run "bale config ${originOf(target)}"`,
						details: { catalog: url },
					},
				);
			}
			next = target;
			continue;
		}
		if (answer.status !== 200) {
			throw new BaleError(
				answer.status >= 500 || answer.status === 429 ? "IdentityUnavailable" : "InvalidConfig",
				`Cannot read the configuration of the catalog ${url}: it answered with status ${String(answer.status)}`,
				{ hint: "Check the URL of the catalog", details: { catalog: url, status: answer.status } },
			);
		}
		if (answer.json === undefined) return refuse("its config.json is not JSON");
		const document = decodeCatalogConfig(answer.json, url);
		const service = document.get("registryUrl");
		if (service) checkSecure(service, network.allowInsecure === true);
		return { url, document };
	}
	return refuse("it redirects too often");
}
