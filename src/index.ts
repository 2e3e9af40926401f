/** The public interface of bale on Node. */
import { setPlatform } from "./client/runtime.ts";
import { nodePlatform } from "./node/platform.ts";

setPlatform(nodePlatform());

export * from "./public.ts";
export {
	clearApiKey,
	config,
	disableTelemetry,
	getCredentialProvider,
	loggedIn,
	login,
	loginWithApiKey,
	loginWithToken,
	logout,
} from "./node/identity.ts";
export type {
	Config,
	ConfigOptions,
	ConfigPatch,
	CredentialProvider,
	Credentials,
	Login,
	LoginOptions,
	Logout,
} from "./node/identity.ts";
export type { RegistryChanges } from "./node/registry-settings.ts";
export type { RegistryPatch } from "./core/registry-settings.ts";
export type { RegistrySettings } from "./core/registry-setting-names.ts";
export { DirectoryStore } from "./node/directory-store.ts";
