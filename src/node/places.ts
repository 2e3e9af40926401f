/**
 * Where this machine keeps configuration, logins, packages and caches. bale shares quilt3's folders, so that both
 * clients see one configuration and one local registry, and keeps records of its own in a folder of its own.
 */
import { homedir } from "node:os";
import { posix, win32 } from "node:path";

/** Absolute directories; none of them need exist. */
export type Places = {
	/** quilt3's data directory: `config.yml`, `auth.json`, `credentials.json`, `packages/`, `tempfiles/`. */
	readonly data: string;
	/** quilt3's cache directory. */
	readonly cache: string;
	/** bale's own data directory (`BALE_DATA_DIR`): install records, credentials per identity service, locks. */
	readonly baleData: string;
	/** bale's own cache directory (`BALE_CACHE_DIR`). */
	readonly baleCache: string;
};

/** Environment variables, as `process.env` has them. */
export type Environment = { readonly [name: string]: string | undefined };

/**
 * The directories for an environment. On Linux and macOS `XDG_DATA_HOME` and `XDG_CACHE_HOME` win when they are
 * absolute; relative ones are ignored.
 *
 * Source: quilt3 8.0.0 with platformdirs, application "Quilt", author "QuiltData", cache version "v0".
 */
export function findPlaces(
	env: Environment = process.env,
	platform: string = process.platform,
	home: string = homedir(),
): Places {
	const paths = platform === "win32" ? win32 : posix;
	const join = (...parts: string[]): string => paths.join(...parts);
	const absolute = (name: string, fallback: string): string => {
		const value = env[name];
		return value !== undefined && paths.isAbsolute(value) ? value : fallback;
	};
	if (platform === "win32") {
		const local = absolute("LOCALAPPDATA", join(home, "AppData", "Local"));
		const data = join(local, "QuiltData", "Quilt");
		return {
			data,
			cache: join(data, "Cache", "v0"),
			baleData: absolute("BALE_DATA_DIR", join(local, "bale")),
			baleCache: absolute("BALE_CACHE_DIR", join(local, "bale", "cache")),
		};
	}
	const mac = platform === "darwin";
	const data = absolute(
		"XDG_DATA_HOME",
		mac ? join(home, "Library", "Application Support") : join(home, ".local", "share"),
	);
	const cache = absolute("XDG_CACHE_HOME", mac ? join(home, "Library", "Caches") : join(home, ".cache"));
	return {
		data: join(data, "Quilt"),
		cache: join(cache, "Quilt", "v0"),
		baleData: absolute("BALE_DATA_DIR", join(data, "bale")),
		baleCache: absolute("BALE_CACHE_DIR", join(cache, "bale")),
	};
}
