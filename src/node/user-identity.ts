/** Configuration and logins of one user on one machine; `identity.ts` has the functions that use it. */
import type { Config } from "../core/config-keys.ts";
import type { ResolvedSetting } from "../core/config.ts";
import { BaleError } from "../core/errors.ts";
import { sortNames } from "../core/logical-key.ts";
import type { Network } from "../identity/http.ts";
import { askForCode, readApiKey, readCode } from "../identity/login.ts";
import type { SessionPlatform } from "../identity/session.ts";
import { Session } from "../identity/session.ts";
import type { StorageCredentials, Tokens } from "../protocol/identity.ts";
import { openInBrowser } from "./browser-opener.ts";
import type { ConfigWarning } from "./config-file.ts";
import type { ConfigOptions, ConfigPatch } from "./configuration.ts";
import { Configuration } from "./configuration.ts";
import { promptHidden } from "./hidden-prompt.ts";
import type { Environment, Places } from "./places.ts";
import { proxiedFetch } from "./proxied-fetch.ts";
import { RegistrySettingsFile } from "./registry-settings.ts";
import { SessionFiles } from "./session-files.ts";
import type { Credentials } from "./shared-credentials.ts";
import { profileCredentials } from "./shared-credentials.ts";

/** An AWS-SDK-v3 credential provider. */
export type CredentialProvider = () => Promise<Credentials>;

export type LoginOptions = {
	/** A code from the login page; when given, nobody is asked and no browser opens. */
	readonly code?: string;
	/** False: only print the address of the login page. */
	readonly browser?: boolean;
	readonly print?: (line: string) => void;
	readonly prompt?: (question: string) => Promise<string>;
	readonly openBrowser?: (url: string) => Promise<void>;
	readonly signal?: AbortSignal;
};

/** What a login is for. */
export type Login = {
	/** Home of the catalog, or null when only its identity service is configured. */
	readonly catalog: string | null;
	/** Identity service. */
	readonly service: string;
};

/** What a logout did. */
export type Logout = {
	/** Whether anybody was logged in. */
	readonly wasLoggedIn: boolean;
	/** Services that confirmed the end of the login. */
	readonly revoked: readonly string[];
	/** Services that could not be told; their tokens are gone from this machine but may live on until they expire. */
	readonly unconfirmed: readonly string[];
};

export type UserIdentityOptions = {
	readonly places: Places;
	readonly env: () => Environment;
	readonly fetch?: Network["fetch"];
	readonly now?: () => number;
	readonly onWarning?: (warning: ConfigWarning) => void;
};

type ApiKey = { readonly key: string; service: string | undefined };

/** Settings, logins and the API key of one user. All state is in files, except the API key and sessions in use. */
export class UserIdentity {
	readonly #options: UserIdentityOptions;
	readonly #files: SessionFiles;
	readonly #sessions = new Map<string, Session>();
	#apiKey: ApiKey | undefined;
	#environmentKey: ApiKey | undefined;

	constructor(options: UserIdentityOptions) {
		this.#options = options;
		this.#files = new SessionFiles(options.places, () => this.#configuration().sharedService(), this.#warn);
	}

	/** See `config`. */
	async config(input?: string | ConfigPatch | null, options: ConfigOptions = {}): Promise<Config> {
		checkOptions(options);
		const configuration = this.#configuration(options.onWarning);
		const registries = new RegistrySettingsFile(this.#options.places);
		const read = async (): Promise<Config> => {
			const [shared, table] = [await configuration.read(options.flags), await registries.read()];
			return table.size === 0 ? shared : Object.freeze({ ...shared, registries: Object.fromEntries(table) });
		};
		if (input === undefined) return read();
		const before = await configuration.sharedService();
		if (input === null || input === "") await configuration.reset();
		else if (typeof input === "string")
			await configuration.useCatalog(this.#network(), input, options.signal);
		else {
			const { registries: changes, ...patch } = input;
			// Nothing is changed when a part of it is wrong.
			if (changes !== undefined) await registries.edit(changes, { dryRun: true });
			if (Object.keys(patch).length > 0) await configuration.set(patch);
			if (changes !== undefined) await registries.edit(changes);
		}
		// What the old settings allowed must not outlive them: not a session, not what quilt3 reads.
		this.#sessions.clear();
		if ((await configuration.sharedService()) !== before) await this.#files.shareCurrent();
		return read();
	}

	/** Every effective setting with its origin, in the spelling of the file. */
	async settings(flags?: ConfigPatch): Promise<readonly ResolvedSetting[]> {
		return this.#configuration().list(flags);
	}

	/** See `login`. */
	async login(options: LoginOptions = {}): Promise<Login> {
		const { service, catalog } = await this.#home();
		const dialogue = {
			print: options.print ?? ((line: string) => void process.stderr.write(`${line}\n`)),
			prompt: options.prompt ?? promptHidden,
			openBrowser: options.browser === false ? undefined : (options.openBrowser ?? openInBrowser),
		};
		const code =
			options.code === undefined
				? await askForCode(service, dialogue, this.#allowInsecure())
				: readCode(options.code);
		await new Session(service, this.#platform()).login(code, options.signal);
		this.#sessions.clear();
		return { service, catalog };
	}

	/** See `loginWithApiKey`. */
	async loginWithApiKey(key: string): Promise<void> {
		const checked = readApiKey(key);
		const { registryUrl } = await this.#configuration().read();
		this.#apiKey = { key: checked, service: registryUrl ?? undefined };
		this.#sessions.clear();
	}

	/** See `clearApiKey`. */
	clearApiKey(): void {
		this.#apiKey = undefined;
		this.#sessions.clear();
	}

	/** See `logout`. */
	async logout(): Promise<Logout> {
		const hadKey = this.#apiKey !== undefined;
		this.clearApiKey();
		const wasLoggedIn = hadKey || !(await this.#files.isEmpty());
		const forgotten = await this.#files.clear();
		const revoked: string[] = [];
		const unconfirmed: string[] = [];
		const network = { ...this.#network(), timeoutMs: 5_000 };
		await Promise.all(
			[...forgotten].map(async ([service, tokens]) => {
				const told = await revoke(service, tokens, { ...this.#platform(), network });
				(told ? revoked : unconfirmed).push(service);
			}),
		);
		return { wasLoggedIn, revoked: sortNames(revoked), unconfirmed: sortNames(unconfirmed) };
	}

	/** See `loggedIn`. */
	async loggedIn(): Promise<string | undefined> {
		const { navigatorUrl, registryUrl } = await this.#configuration().read();
		if (registryUrl === null)
			return this.#currentKey(undefined) === undefined ? undefined : (navigatorUrl ?? undefined);
		const exists =
			this.#currentKey(registryUrl) !== undefined ||
			(await this.#files.readTokens(registryUrl)) !== undefined;
		return exists ? (navigatorUrl ?? registryUrl) : undefined;
	}

	/** The session with the configured identity service; undefined when nobody is logged in there. */
	async session(): Promise<Session | undefined> {
		const { registryUrl } = await this.#configuration().read();
		if (registryUrl === null) return undefined;
		const key = this.#currentKey(registryUrl);
		const name = `${key === undefined ? "" : "key "}${registryUrl}`;
		let session = this.#sessions.get(name);
		if (session === undefined) {
			session = new Session(registryUrl, this.#platform(), key);
			this.#sessions.set(name, session);
		}
		return (await session.exists()) ? session : undefined;
	}

	/** See `getCredentialProvider`. */
	getCredentialProvider(
		options: { readonly fallback?: boolean | CredentialProvider } = {},
	): CredentialProvider {
		// A provider stays with the service that it began with: a client of one catalog never gets keys of another.
		let session: Session | undefined;
		return async () => {
			session ??= await this.session();
			if (session !== undefined) return toCredentials(await session.credentials());
			const { fallback = true } = options;
			if (typeof fallback === "function") return fallback();
			const own = fallback ? await profileCredentials(this.#options.env()) : undefined;
			if (own !== undefined) return own;
			throw new BaleError("NotLoggedIn", "There are no credentials for storage: nobody is logged in", {
				hint: 'Run "bale login", or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
			});
		};
	}

	/** The key that may be sent to `service`: one that was set for another service never is. */
	#currentKey(service: string | undefined): string | undefined {
		if (this.#apiKey !== undefined) return useKey(this.#apiKey, service);
		const env = this.#options.env();
		const key = env["BALE_API_KEY"] || env["QUILT_API_KEY"];
		if (!key) return undefined;
		if (this.#environmentKey?.key !== key)
			this.#environmentKey = { key: readApiKey(key), service: undefined };
		return useKey(this.#environmentKey, service);
	}

	async #home(): Promise<{ service: string; catalog: string | null }> {
		const { registryUrl, navigatorUrl } = await this.#configuration().read();
		if (registryUrl === null) {
			throw new BaleError("InvalidConfig", "Cannot log in: no catalog is configured", {
				hint: 'Choose one first: "bale config https://CATALOG"',
			});
		}
		return { service: registryUrl, catalog: navigatorUrl };
	}

	#allowInsecure(): boolean {
		return ["1", "true"].includes((this.#options.env()["BALE_ALLOW_INSECURE"] ?? "").toLowerCase());
	}

	#network(): Network {
		return {
			fetch: this.#options.fetch ?? ((url, init) => proxiedFetch(url, init, this.#options.env())),
			userAgent: "bale",
			allowInsecure: this.#allowInsecure(),
		};
	}

	#platform(): SessionPlatform {
		return { network: this.#network(), store: this.#files, now: this.#options.now ?? Date.now };
	}

	#configuration(onWarning = this.#warn): Configuration {
		return new Configuration(this.#options.places, this.#options.env, onWarning);
	}

	readonly #warn = (warning: ConfigWarning): void => (this.#options.onWarning ?? emitWarning)(warning);
}

function useKey(apiKey: ApiKey, service: string | undefined): string | undefined {
	apiKey.service ??= service;
	return service === undefined || apiKey.service === service ? apiKey.key : undefined;
}

async function revoke(service: string, tokens: Tokens, platform: SessionPlatform): Promise<boolean> {
	try {
		return await new Session(service, platform).revoke(tokens);
	} catch {
		// A service with an address that may not be used is not told.
		return false;
	}
}

function toCredentials(credentials: StorageCredentials): Credentials {
	return {
		accessKeyId: credentials.accessKeyId,
		secretAccessKey: credentials.secretAccessKey,
		sessionToken: credentials.sessionToken,
		expiration: new Date(credentials.expiration),
	};
}

function checkOptions(options: unknown): void {
	const known = ["flags", "onWarning", "signal"];
	const isKnown =
		typeof options === "object" &&
		options !== null &&
		Object.keys(options).every((key) => known.includes(key));
	if (!isKnown) {
		throw new BaleError("InvalidArgument", "Cannot configure: give either one URL or settings, not both", {
			hint: "Call config(url) first, then config({ … })",
		});
	}
}

function emitWarning(warning: ConfigWarning): void {
	process.emitWarning(warning.message, { type: "BaleWarning", code: warning.code });
}
