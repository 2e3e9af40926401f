/**
 * A session with one identity service: tokens that are renewed before they expire, once however many ask, and the
 * storage credentials that they buy. Every request of a session goes to its own service and nowhere else.
 */
import { BaleError } from "../core/errors.ts";
import type { StorageCredentials, Tokens } from "../protocol/identity.ts";
import { decodeCredentials, decodeRefusal, decodeTokens } from "../protocol/identity.ts";
import type { Answer, Network } from "./http.ts";
import { checkSecure, foreignText, originOf, send } from "./http.ts";

/** Where sessions are kept between processes. Services are named by their URL, exactly as configured. */
export interface SessionStore {
	readTokens(service: string): Promise<Tokens | undefined>;
	writeTokens(service: string, tokens: Tokens): Promise<void>;
	readCredentials(service: string): Promise<StorageCredentials | undefined>;
	writeCredentials(service: string, credentials: StorageCredentials): Promise<void>;
	/** Forgets every session; gives back what was forgotten. */
	clear(): Promise<ReadonlyMap<string, Tokens>>;
	/** Runs one `run` at a time per name, across the processes of this machine. */
	exclusively<T>(name: string, run: () => Promise<T>): Promise<T>;
}

export type SessionPlatform = {
	readonly network: Network;
	readonly store: SessionStore;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
};

/** An access token with less life than this is renewed first (quilt3 8.0.0: one minute). */
const accessMarginMs = 60_000;
/** Credentials with less life than this are renewed (botocore: 15 minutes) … */
const credentialsMarginMs = 15 * 60_000;
/** … and if that fails the old ones serve while they have at least this (botocore: 10 minutes). */
const credentialsLastMs = 10 * 60_000;

export class Session {
	/** URL of the identity service as configured. */
	readonly service: string;
	readonly #platform: SessionPlatform;
	readonly #apiKey: string | undefined;
	#renewal: Promise<Tokens> | undefined;
	#purchase: Promise<StorageCredentials> | undefined;
	#credentials: StorageCredentials | undefined;

	/** With an API key the session keeps nothing in the store. `InvalidConfig` for a URL that may not be used. */
	constructor(service: string, platform: SessionPlatform, apiKey?: string) {
		checkSecure(service, platform.network.allowInsecure === true);
		this.service = service;
		this.#platform = platform;
		this.#apiKey = apiKey;
	}

	/** Whether there is a login; says nothing about whether the service still accepts it. */
	async exists(): Promise<boolean> {
		return this.#apiKey !== undefined || (await this.#platform.store.readTokens(this.service)) !== undefined;
	}

	/**
	 * Trades a code (or a refresh token) for tokens, keeps them, and fetches credentials. When only the latter fails the
	 * login stays and the error says so: a code cannot be used twice.
	 */
	async login(code: string, signal?: AbortSignal): Promise<StorageCredentials> {
		const tokens = await this.#requestTokens(code, "login", signal);
		const { store } = this.#platform;
		await store.exclusively(this.service, () => store.writeTokens(this.service, tokens));
		const credentials = await this.#requestCredentials(tokens.accessToken, signal);
		await store.writeCredentials(this.service, credentials);
		this.#credentials = credentials;
		return credentials;
	}

	/**
	 * Credentials with at least ten minutes of life. `NotLoggedIn`, `LoginExpired`, `AccessDenied`, `IdentityUnavailable`.
	 */
	async credentials(): Promise<StorageCredentials> {
		const stored =
			this.#apiKey === undefined ? () => this.#platform.store.readCredentials(this.service) : undefined;
		const known = this.#credentials ?? (await stored?.());
		if (known !== undefined && this.#lifeMs(known) >= credentialsMarginMs) {
			this.#credentials = known;
			return known;
		}
		this.#purchase ??= this.#renewCredentials(stored).finally(() => (this.#purchase = undefined));
		try {
			return await this.#purchase;
		} catch (error) {
			if (known !== undefined && this.#lifeMs(known) >= credentialsLastMs) return known;
			throw error;
		}
	}

	/**
	 * Sends an authenticated request to `path` below the service and returns the answer when its status is below 300.
	 * A token that the service refuses although it should be valid is renewed once.
	 */
	async request(
		path: `/${string}`,
		options: { readonly method?: "GET" | "POST"; readonly body?: string; readonly signal?: AbortSignal } = {},
	): Promise<Answer> {
		const token = await this.accessToken();
		let answer = await this.#send(path, token, options);
		if (answer.status === 401 && this.#apiKey === undefined) {
			answer = await this.#send(path, await this.accessToken(token), options);
		}
		return this.#accept(answer, [token]);
	}

	/** Ends the login at the service, as far as the service can be told; true when it agreed. The store is not touched. */
	async revoke(tokens: Tokens, signal?: AbortSignal): Promise<boolean> {
		try {
			const body = JSON.stringify({ token: tokens.refreshToken });
			const answer = await this.#send("/api/logout", tokens.accessToken, { method: "POST", body, signal });
			return answer.status < 300;
		} catch {
			return false;
		}
	}

	/**
	 * A token with at least a minute of life, or the API key, for requests to this service only. `refused` is a token that the
	 * service did not accept: another one is got then. `NotLoggedIn`, `LoginExpired`, `IdentityUnavailable`.
	 */
	async accessToken(refused?: string): Promise<string> {
		if (this.#apiKey !== undefined) return this.#apiKey;
		const tokens = await this.#platform.store.readTokens(this.service);
		const fresh = this.#fresh(tokens, refused);
		if (fresh !== undefined) return fresh.accessToken;
		this.#renewal ??= this.#renewTokens(refused).finally(() => (this.#renewal = undefined));
		return (await this.#renewal).accessToken;
	}

	/** Only one process renews; the others find the new tokens in the store. */
	async #renewTokens(refused: string | undefined): Promise<Tokens> {
		const { store } = this.#platform;
		return store.exclusively(this.service, async () => {
			const before = await store.readTokens(this.service);
			const fresh = this.#fresh(before, refused);
			if (fresh !== undefined) return fresh;
			if (before === undefined) throw this.#notLoggedIn();
			try {
				const tokens = await this.#requestTokens(before.refreshToken, "renewal");
				await store.writeTokens(this.service, tokens);
				return tokens;
			} catch (error) {
				// quilt3 takes no lock: it may have used up this refresh token and stored a new one meanwhile.
				const after = this.#fresh(await store.readTokens(this.service), refused);
				if (after !== undefined && after.refreshToken !== before.refreshToken) return after;
				throw error;
			}
		});
	}

	#fresh(tokens: Tokens | undefined, refused: string | undefined): Tokens | undefined {
		if (tokens === undefined || tokens.accessToken === refused) return undefined;
		return tokens.expiresAt * 1000 >= this.#platform.now() + accessMarginMs ? tokens : undefined;
	}

	async #renewCredentials(
		stored: (() => Promise<StorageCredentials | undefined>) | undefined,
	): Promise<StorageCredentials> {
		const purchase = async (): Promise<StorageCredentials> => {
			const other = await stored?.();
			if (other !== undefined && this.#lifeMs(other) >= credentialsMarginMs) return other;
			const answer = await this.request("/api/auth/get_credentials");
			const credentials = this.#readCredentials(answer);
			if (stored !== undefined) await this.#platform.store.writeCredentials(this.service, credentials);
			return credentials;
		};
		this.#credentials =
			stored === undefined
				? await purchase()
				: await this.#platform.store.exclusively(`credentials ${this.service}`, purchase);
		return this.#credentials;
	}

	async #requestCredentials(accessToken: string, signal?: AbortSignal): Promise<StorageCredentials> {
		const answer = await this.#send("/api/auth/get_credentials", accessToken, { signal });
		return this.#readCredentials(this.#accept(answer, [accessToken]));
	}

	#readCredentials(answer: Answer): StorageCredentials {
		return (
			decodeCredentials(answer.json) ??
			this.#fail("IdentityUnavailable", "fetch storage credentials", "its answer has an unknown form")
		);
	}

	async #requestTokens(
		refreshToken: string,
		purpose: "login" | "renewal",
		signal?: AbortSignal,
	): Promise<Tokens> {
		const answer = await send(this.#platform.network, this.#url("/api/token"), {
			method: "POST",
			headers: { "Content-Type": "application/x-www-form-urlencoded" },
			body: new URLSearchParams({ refresh_token: refreshToken }).toString(),
			signal,
		});
		const task = purpose === "login" ? "log in" : "renew the login";
		const refused = purpose === "login" ? "AccessDenied" : "LoginExpired";
		const { status } = answer;
		if (status >= 300 && status < 400)
			return this.#fail("IdentityUnavailable", task, "it answered with a redirect");
		if (status === 400 || status === 401 || status === 403) {
			return this.#fail(refused, task, `it refused the ${purpose === "login" ? "code" : "token"}`, status);
		}
		if (status !== 200) {
			return this.#fail("IdentityUnavailable", task, `it answered with status ${String(status)}`, status);
		}
		const error = decodeRefusal(answer.json, "error");
		if (error !== undefined)
			return this.#fail(refused, task, `it says "${foreignText(error, [refreshToken])}"`);
		return (
			decodeTokens(answer.json) ??
			this.#fail("IdentityUnavailable", task, "its answer has an unknown form", status)
		);
	}

	#send(
		path: string,
		token: string,
		options: {
			readonly method?: "GET" | "POST";
			readonly body?: string;
			readonly signal?: AbortSignal | undefined;
		},
	): Promise<Answer> {
		return send(this.#platform.network, this.#url(path), {
			...options,
			headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
		});
	}

	#accept(answer: Answer, secrets: readonly string[]): Answer {
		const { status } = answer;
		if (status >= 200 && status < 300) return answer;
		if (status >= 300 && status < 400) {
			const target = answer.location === undefined ? "" : ` to ${originOf(answer.location)}`;
			return this.#fail(
				"IdentityUnavailable",
				"use the login",
				`it answered with a redirect${target}`,
				status,
			);
		}
		const message = decodeRefusal(answer.json, "message");
		const reason =
			message === undefined
				? `it answered with status ${String(status)}`
				: `it says "${foreignText(message, secrets)}"`;
		if (status === 400 || status === 401) return this.#fail("LoginExpired", "use the login", reason, status);
		if (status === 403) return this.#fail("AccessDenied", "use the login", reason, status);
		return this.#fail("IdentityUnavailable", "use the login", reason, status);
	}

	#url(path: string): string {
		return this.service.replace(/\/+$/, "") + path;
	}

	#lifeMs(credentials: StorageCredentials): number {
		return Date.parse(credentials.expiration) - this.#platform.now();
	}

	#notLoggedIn(): BaleError {
		return new BaleError("NotLoggedIn", `There is no login for ${this.service}`, {
			hint: 'Run "bale login"',
			details: { service: this.service },
		});
	}

	#fail(
		code: "AccessDenied" | "LoginExpired" | "IdentityUnavailable",
		task: string,
		reason: string,
		status?: number,
	): never {
		const hints = {
			AccessDenied: "Get a new code from the login page, or ask the administrator of the catalog",
			LoginExpired: this.#apiKey === undefined ? 'Run "bale login" again' : "Check the API key",
			IdentityUnavailable: "Try again later; the login on this machine is unchanged",
		};
		throw new BaleError(code, `Cannot ${task} at ${this.service}: ${reason}`, {
			hint: hints[code],
			details: { service: this.service, ...(status === undefined ? {} : { status }) },
		});
	}
}
