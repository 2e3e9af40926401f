import { readFileSync } from "node:fs";

/** Version of the installed npm package. */
export function version(): string {
	const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
	return (manifest as { readonly version: string }).version;
}
