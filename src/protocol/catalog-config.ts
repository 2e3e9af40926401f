/** The document `config.json` of a catalog, of which bale takes six fields. */
import * as v from "valibot";
import type { ConfigKey } from "../core/config-keys.ts";
import { catalogKeys } from "../core/config-keys.ts";
import { BaleError } from "../core/errors.ts";

const text = v.nullish(v.pipe(v.string(), v.maxLength(4096)));

const document = v.looseObject({
	navigator_url: text,
	registryUrl: text,
	s3Proxy: text,
	apiGatewayEndpoint: text,
	binaryApiGatewayEndpoint: text,
	region: text,
});

/**
 * The fields of a catalog's document that may change a user's settings; everything else in it is ignored. Keys that end in
 * `_url` must be URLs even when they are not used, as quilt3 demands. An empty array counts as an empty document.
 * `InvalidConfig` otherwise; `catalogUrl` is for the message.
 */
export function decodeCatalogConfig(
	value: unknown,
	catalogUrl: string,
): ReadonlyMap<ConfigKey, string | null> {
	const refuse = (reason: string): never => {
		throw new BaleError(
			"InvalidConfig",
			`Cannot use the configuration of the catalog ${catalogUrl}: ${reason}`,
			{
				hint: "Check that the URL is the home page of a catalog",
				details: { catalog: catalogUrl },
			},
		);
	};
	if (Array.isArray(value) && value.length === 0) return new Map();
	const decoded = v.safeParse(document, value);
	if (!decoded.success) {
		const field = v.getDotPath(decoded.issues[0]);
		return refuse(field === null ? "it is not a JSON object" : `"${field}" is not text`);
	}
	for (const [key, entry] of Object.entries(decoded.output)) {
		if (key.endsWith("_url") && entry !== undefined && entry !== null && !isUrl(entry))
			refuse(`"${key}" is not a URL`);
	}
	return new Map(catalogKeys.map((key) => [key, (decoded.output[key] as string | null | undefined) ?? null]));
}

function isUrl(value: unknown): boolean {
	return typeof value === "string" && /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]/.test(value);
}
