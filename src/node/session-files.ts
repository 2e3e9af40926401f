/**
 * Sessions in files. Tokens are in quilt3's `auth.json`, per identity service, so that a login counts for both clients.
 * Storage credentials are in a file of bale's own, per service, since quilt3's `credentials.json` does not say whose they
 * are: that one is only written, with what belongs to the catalog that quilt3 sees, and never read.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { SessionStore } from "../identity/session.ts";
import type { StorageCredentials, Tokens } from "../protocol/identity.ts";
import {
	decodeStoredCredentials,
	decodeTokens,
	encodeStoredCredentials,
	encodeTokens,
} from "../protocol/identity.ts";
import type { ConfigWarning } from "./config-file.ts";
import { withFileLock } from "./file-lock.ts";
import type { Places } from "./places.ts";
import { closeDirectory, moveAside, readSmallFile, replaceFile } from "./private-file.ts";

type Records = ReadonlyMap<string, unknown>;

const waitMs = 60_000;

export class SessionFiles implements SessionStore {
	readonly #data: string;
	readonly #baleData: string;
	readonly #sharedService: () => Promise<string | undefined>;
	readonly #onWarning: (warning: ConfigWarning) => void;
	readonly #reported = new Set<string>();

	/** `sharedService` gives the identity service that quilt3 would use: the one in `config.yml`. */
	constructor(
		places: Places,
		sharedService: () => Promise<string | undefined>,
		onWarning: (warning: ConfigWarning) => void,
	) {
		this.#data = places.data;
		this.#baleData = places.baleData;
		this.#sharedService = sharedService;
		this.#onWarning = onWarning;
	}

	async readTokens(service: string): Promise<Tokens | undefined> {
		return decodeTokens((await this.#read(this.#tokensPath)).get(service));
	}

	async writeTokens(service: string, tokens: Tokens): Promise<void> {
		await this.#edit(this.#tokensPath, (all) => all.set(service, encodeTokens(tokens)));
	}

	async readCredentials(service: string): Promise<StorageCredentials | undefined> {
		return decodeStoredCredentials((await this.#read(this.#credentialsPath)).get(service));
	}

	async writeCredentials(service: string, credentials: StorageCredentials): Promise<void> {
		await this.#edit(this.#credentialsPath, (all) => all.set(service, encodeStoredCredentials(credentials)));
		if ((await this.#sharedService()) === service) await this.#share(encodeStoredCredentials(credentials));
	}

	/** Gives quilt3 the credentials of the service that is now in `config.yml`, or none: never those of another one. */
	async shareCurrent(): Promise<void> {
		const service = await this.#sharedService();
		const credentials = service === undefined ? undefined : await this.readCredentials(service);
		if (credentials !== undefined) await this.#share(encodeStoredCredentials(credentials));
		else if ((await readSmallFile(this.#sharedPath)) !== undefined) await this.#share({});
	}

	async clear(): Promise<ReadonlyMap<string, Tokens>> {
		const forgotten = new Map<string, Tokens>();
		for (const [service, record] of await this.#read(this.#tokensPath)) {
			const tokens = decodeTokens(record);
			if (tokens !== undefined) forgotten.set(service, tokens);
		}
		for (const path of [this.#tokensPath, this.#credentialsPath]) {
			if ((await readSmallFile(path)) !== undefined) await this.#edit(path, (all) => all.clear());
		}
		if ((await readSmallFile(this.#sharedPath)) !== undefined) await this.#share({});
		return forgotten;
	}

	/** Whether there is anything that `clear` would remove. */
	async isEmpty(): Promise<boolean> {
		const files = [this.#tokensPath, this.#credentialsPath, this.#sharedPath];
		const sizes = await Promise.all(files.map(async (path) => (await this.#read(path)).size));
		return sizes.every((size) => size === 0);
	}

	async exclusively<T>(name: string, run: () => Promise<T>): Promise<T> {
		await closeDirectory(this.#baleData);
		const file = `${createHash("sha256").update(name).digest("hex").slice(0, 32)}.lock`;
		return withFileLock(join(this.#baleData, "locks", file), run, { waitMs, subject: name });
	}

	get #tokensPath(): string {
		return join(this.#data, "auth.json");
	}

	get #sharedPath(): string {
		return join(this.#data, "credentials.json");
	}

	get #credentialsPath(): string {
		return join(this.#baleData, "credentials.json");
	}

	async #read(path: string): Promise<Records> {
		const text = await readSmallFile(path);
		const records = text === undefined ? new Map<string, unknown>() : parseRecords(text);
		if (records === undefined && !this.#reported.has(path)) {
			this.#reported.add(path);
			const message = `Ignored the login in "${path}": the file is empty, cut or of another kind`;
			this.#onWarning({ code: "SessionBroken", message });
		}
		return records ?? new Map<string, unknown>();
	}

	/** What cannot be read counts as signed out; it is moved aside before something takes its place. */
	async #edit(path: string, change: (records: Map<string, unknown>) => unknown): Promise<void> {
		await this.exclusively(path, async () => {
			const text = await readSmallFile(path);
			const found = text === undefined ? new Map<string, unknown>() : parseRecords(text);
			if (found === undefined) {
				const aside = await moveAside(path);
				this.#onWarning({ code: "SessionBroken", message: `Kept the unusable login file as "${aside}"` });
			}
			const records = new Map(found);
			change(records);
			await this.#write(path, Object.fromEntries(records));
		});
	}

	async #share(record: object): Promise<void> {
		await this.exclusively(this.#sharedPath, () => this.#write(this.#sharedPath, record));
	}

	async #write(path: string, value: object): Promise<void> {
		await closeDirectory(dirname(path));
		await replaceFile(path, JSON.stringify(value), 0o600);
	}
}

function parseRecords(text: string): Map<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
		return new Map(Object.entries(value));
	} catch {
		return undefined;
	}
}
