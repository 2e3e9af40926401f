/**
 * Configuration and login on this machine: the functions that programs and the command line call. Nothing is ever
 * contacted unless the call says so: a catalog by `config(url)`, an identity service by the login functions and by the
 * first use of credentials.
 */
import type { Config } from "../core/config-keys.ts";
import type { ConfigOptions, ConfigPatch } from "./configuration.ts";
import { findPlaces } from "./places.ts";
import type { CredentialProvider, Login, LoginOptions, Logout } from "./user-identity.ts";
import { UserIdentity } from "./user-identity.ts";

export type { Config } from "../core/config-keys.ts";
export type { ConfigOptions, ConfigPatch } from "./configuration.ts";
export type { Credentials } from "./shared-credentials.ts";
export type { CredentialProvider, Login, LoginOptions, Logout } from "./user-identity.ts";

const identities = new Map<string, UserIdentity>();

/** The identity of the user who runs this process, by the present environment. */
export function currentIdentity(): UserIdentity {
	const places = findPlaces();
	const name = JSON.stringify(places);
	let identity = identities.get(name);
	if (identity === undefined) {
		identity = new UserIdentity({ places, env: () => process.env });
		identities.set(name, identity);
	}
	return identity;
}

/**
 * Reads or changes the settings, which bale shares with quilt3.
 *
 * - `config()` reads; without a file it gives the defaults and contacts nobody.
 * - `config("https://catalog")` takes the six settings that a catalog may set from its `config.json`; all others stay.
 * - `config({ defaultRemoteRegistry: "s3://bucket" })` sets; quilt3's spellings (`default_remote_registry`) work too.
 * - `config("")` and `config(null)` give every setting its default again.
 *
 * Returns the effective settings: `options.flags`, then `BALE_*` variables, then the file, then defaults. `InvalidConfig`
 * names what is wrong and where; `IdentityUnavailable` when the catalog does not answer.
 */
export function config(input?: string | ConfigPatch | null, options?: ConfigOptions): Promise<Config> {
	return currentIdentity().config(input, options);
}

/**
 * Logs in to the identity service of the configured catalog: opens its login page and asks for the code shown there.
 * `InvalidConfig` without a catalog, `AccessDenied` for a refused code, `IdentityUnavailable`.
 */
export function login(options?: LoginOptions): Promise<Login> {
	return currentIdentity().login(options);
}

/** Logs in with a code or refresh token that the caller already has. Same errors as `login`. */
export function loginWithToken(token: string): Promise<Login> {
	return currentIdentity().login({ code: token });
}

/**
 * Uses an API key for the rest of this process, before any other login; nothing is written or sent now. The key is only
 * ever sent to the service configured now, or to the first one used. `InvalidArgument` when it is no API key.
 */
export function loginWithApiKey(key: string): Promise<void> {
	return currentIdentity().loginWithApiKey(key);
}

/** Forgets the key of `loginWithApiKey`, so that the login before it counts again. */
export function clearApiKey(): void {
	currentIdentity().clearApiKey();
}

/** Ends all logins: forgets tokens, credentials and API key on this machine and tells every service. Never fails for lack of network. */
export function logout(): Promise<Logout> {
	return currentIdentity().logout();
}

/** Home of the catalog that somebody is logged in to, or undefined. Contacts nobody. */
export function loggedIn(): Promise<string | undefined> {
	return currentIdentity().loggedIn();
}

/**
 * A credential provider for S3 clients. Logged in, it gives the keys of the identity service, renewed when less than 15
 * minutes remain; otherwise, unless `fallback` is false, those of the environment or of the shared credentials file, or
 * those of the provider given as `fallback`. The provider throws `NotLoggedIn` when there are none.
 */
export function getCredentialProvider(options?: {
	readonly fallback?: boolean | CredentialProvider;
}): CredentialProvider {
	return currentIdentity().getCredentialProvider(options);
}

/** bale has no telemetry; this turns off quilt3's, in the settings that both share. */
export async function disableTelemetry(): Promise<void> {
	await currentIdentity().config({ telemetryDisabled: true });
}
