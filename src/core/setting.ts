/**
 * Values of settings: strict and typed when somebody sets one, generous when a file is read that anybody may have written.
 */
import type { ConfigValue } from "./config-keys.ts";
import { configTemplate, isConfigKey } from "./config-keys.ts";
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";

/** What a user's machine contributes: `file:` URL of the default local registry, and how a path becomes a `file:` URL. */
export type ConfigPlaces = {
	readonly localRegistry: string;
	/** From a path as typed (absolute, `./x`, `~/x`); undefined where there are no paths. */
	readonly fileUrl: ((path: string) => string) | undefined;
};

/**
 * The value to store for a key that somebody sets: typed (text such as `"false"` becomes a boolean), URLs without
 * surrounding blanks, paths as `file:` URLs. `InvalidConfig` names the key and `source` ("the call", a file, a variable).
 * `null` means unset and is always accepted.
 */
export function normalizeSetting(
	key: string,
	value: unknown,
	source: string,
	places: ConfigPlaces,
): ConfigValue {
	const refuse = refusal(key, value, source);
	if (value === null) return null;
	if (!isConfigKey(key)) {
		if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(key))
			refuse("a key consists of letters, digits and underscores");
		const plain = plainValue(value, refuse, 0);
		if (key.endsWith("_url")) urlParts(plain, refuse);
		return plain;
	}
	const kind = configTemplate[key].kind;
	if (kind === "boolean") return readBoolean(value) ?? refuse("it must be true or false");
	if (kind === "version") return readVersion(value) ?? refuse("it must be 1 or 2");
	if (typeof value !== "string") return refuse("it must be text");
	const text = value.trim();
	if (text === "") return null;
	if (!isPrintable(text)) refuse("it contains control characters");
	switch (kind) {
		case "region":
			return isRegion(text) ? text : refuse("a region consists of letters, digits and hyphens");
		case "catalog":
			return httpUrl(text.replace(/\/+$/, ""), refuse);
		case "endpoint":
			return httpUrl(text, refuse);
		case "registry":
			if (/^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]*\/*$/.test(text)) return text;
			return local(text, refuse, places, 'write "s3://BUCKET", a file: URL or a path such as "./registry"');
		default:
			return local(text, refuse, places, 'write a file: URL or a path such as "./packages"');
	}
}

/**
 * A value as it stands in a file that anybody may have written. Reading is generous: only what could not be used safely,
 * or what quilt3 refuses as well, is `InvalidConfig`.
 */
export function readSetting(key: string, value: ConfigValue, source: string): ConfigValue {
	const refuse = refusal(key, value, source);
	if (!isConfigKey(key)) return value;
	const kind = configTemplate[key].kind;
	if (kind === "boolean")
		return value === null ? false : (readBoolean(value) ?? refuse("it must be true or false"));
	if (kind === "version") return readVersion(value) ?? refuse("it must be 1 or 2");
	if (kind === "file") {
		return typeof value === "string" && /^file:\/\//i.test(value) ? value : refuse("it must be a file: URL");
	}
	if (value === null || value === "") return null;
	if (typeof value !== "string") return refuse("it must be text");
	if (kind === "region")
		return isRegion(value) ? value : refuse("a region consists of letters, digits and hyphens");
	return kind === "catalog" ? httpUrl(value.trim().replace(/\/+$/, ""), refuse) : value;
}

/**
 * A URL with scheme `http` or `https`, a host, a numeric port if any, and no user name or password in it.
 * `refuse` is called with the reason otherwise and must throw.
 */
export function httpUrl(text: string, refuse: (reason: string) => never): string {
	const { scheme, authority } = urlParts(text, refuse);
	if (scheme !== "http" && scheme !== "https") refuse("the URL must begin with https://");
	if (display(text) !== text) refuse("the URL contains characters that do not show");
	if (authority.includes("@")) refuse("a URL with a user name or password is not stored");
	return text;
}

function urlParts(value: unknown, refuse: (reason: string) => never): { scheme: string; authority: string } {
	const parts =
		typeof value === "string" ? /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\s]+)[^\s]*$/.exec(value) : null;
	const [, scheme = "", authority = ""] =
		parts ?? refuse("a URL needs a scheme and a host, as https://example.com has");
	const port = /:([^:\]]*)$/.exec(authority)?.[1] ?? "";
	if (!/^\d*$/.test(port) || Number(port) > 65_535) refuse("the port of a URL must be a number");
	return { scheme: scheme.toLowerCase(), authority };
}

function local(
	text: string,
	refuse: (reason: string) => never,
	places: ConfigPlaces,
	advice: string,
): string {
	if (/^file:\/\/(\/|localhost\/)/i.test(text)) return text;
	if (places.fileUrl !== undefined && /^(\/|\.{1,2}([/\\]|$)|~([/\\]|$)|[A-Za-z]:[/\\]|\\\\)/.test(text)) {
		return places.fileUrl(text);
	}
	return refuse(advice);
}

function readBoolean(value: unknown): boolean | undefined {
	if (typeof value === "boolean") return value;
	const text = String(value).trim().toLowerCase();
	if (["true", "yes", "on", "1"].includes(text)) return true;
	return ["false", "no", "off", "0", ""].includes(text) ? false : undefined;
}

function readVersion(value: unknown): number | undefined {
	const text = typeof value === "number" || typeof value === "string" ? String(value).trim() : "";
	return text === "1" || text === "2" ? Number(text) : undefined;
}

/** Regions become part of host names: anything but letters, digits and hyphens could name another host. */
function isRegion(text: string): boolean {
	return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text);
}

/** Text that YAML parsers of every version read back unchanged. */
function isPrintable(text: string): boolean {
	return !/[\p{Cc}\p{Surrogate}\u2028\u2029\ufeff\ufffe\uffff]/u.test(text);
}

function plainValue(value: unknown, refuse: (reason: string) => never, depth: number): ConfigValue {
	if (depth > 20) refuse("it is nested too deeply");
	if (value === null || typeof value === "boolean") return value;
	if (typeof value === "string") {
		if (value === "<<") refuse('"<<" means something else in YAML');
		return isPrintable(value) ? value : refuse("it contains control characters");
	}
	if (typeof value === "number") {
		return /^-?\d+(\.\d+)?$/.test(String(value))
			? value
			: refuse("the number cannot be written without an exponent");
	}
	if (Array.isArray(value)) return value.map((item) => plainValue(item, refuse, depth + 1));
	if (typeof value === "object" && [null, Object.prototype].includes(Object.getPrototypeOf(value) as null)) {
		return Object.fromEntries(
			Object.entries(value).map(([key, item]): [string, ConfigValue] => [
				isPrintable(key) && key !== "<<" ? key : refuse("a key contains control characters or is <<"),
				plainValue(item, refuse, depth + 1),
			]),
		);
	}
	return refuse("only text, numbers, booleans, null, lists and plain objects can be stored");
}

function refusal(key: string, value: unknown, source: string): (reason: string) => never {
	return (reason) => {
		const shown = typeof value === "string" ? ` "${display(value.slice(0, 200))}"` : "";
		throw new BaleError("InvalidConfig", `Cannot use${shown} for "${key}" from ${source}: ${reason}`, {
			hint: `Set it with "bale config set ${key} VALUE"`,
			details: { key, source },
		});
	};
}
