/**
 * What travels between a client and an identity service, and how quilt3 keeps it in files.
 * Source: quilt3 8.0.0, session module.
 */
import * as v from "valibot";

/** A login: an access token for requests and a refresh token for new access tokens. Never shown to anybody. */
export type Tokens = {
	readonly refreshToken: string;
	readonly accessToken: string;
	/** Seconds since the epoch, possibly with a fraction. */
	readonly expiresAt: number;
};

/** Temporary keys for storage. Never shown to anybody. */
export type StorageCredentials = {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken: string;
	/** ISO 8601, as the service wrote it. */
	readonly expiration: string;
};

/** Text that can stand in an HTTP header. */
const headerText = v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/));
const nonEmpty = v.pipe(v.string(), v.minLength(1));
const moment = v.pipe(
	v.string(),
	v.check((text) => Number.isFinite(Date.parse(text))),
);

const tokenAnswer = v.looseObject({
	refresh_token: nonEmpty,
	access_token: headerText,
	expires_at: v.pipe(v.number(), v.finite()),
});

const credentialsAnswer = v.looseObject({
	AccessKeyId: headerText,
	SecretAccessKey: nonEmpty,
	SessionToken: headerText,
	Expiration: moment,
});

const storedCredentials = v.looseObject({
	access_key: headerText,
	secret_key: nonEmpty,
	token: headerText,
	expiry_time: moment,
});

/** Tokens from an answer of `POST /api/token` or an entry of `auth.json`; undefined when it has another shape. */
export function decodeTokens(value: unknown): Tokens | undefined {
	const decoded = v.safeParse(tokenAnswer, value);
	if (!decoded.success) return undefined;
	const { refresh_token: refreshToken, access_token: accessToken, expires_at: expiresAt } = decoded.output;
	return { refreshToken, accessToken, expiresAt };
}

/** An entry of quilt3's `auth.json`. */
export function encodeTokens(tokens: Tokens): object {
	return {
		refresh_token: tokens.refreshToken,
		access_token: tokens.accessToken,
		expires_at: tokens.expiresAt,
	};
}

/** Credentials from an answer of `GET /api/auth/get_credentials`; undefined when it has another shape. */
export function decodeCredentials(value: unknown): StorageCredentials | undefined {
	const decoded = v.safeParse(credentialsAnswer, value);
	if (!decoded.success) return undefined;
	return {
		accessKeyId: decoded.output.AccessKeyId,
		secretAccessKey: decoded.output.SecretAccessKey,
		sessionToken: decoded.output.SessionToken,
		expiration: decoded.output.Expiration,
	};
}

/** Credentials in the form of quilt3's `credentials.json`; undefined when it has another shape. */
export function decodeStoredCredentials(value: unknown): StorageCredentials | undefined {
	const decoded = v.safeParse(storedCredentials, value);
	if (!decoded.success) return undefined;
	return {
		accessKeyId: decoded.output.access_key,
		secretAccessKey: decoded.output.secret_key,
		sessionToken: decoded.output.token,
		expiration: decoded.output.expiry_time,
	};
}

/** The form of quilt3's `credentials.json`. */
export function encodeStoredCredentials(credentials: StorageCredentials): object {
	return {
		access_key: credentials.accessKeyId,
		secret_key: credentials.secretAccessKey,
		token: credentials.sessionToken,
		expiry_time: credentials.expiration,
	};
}

/** Text of an error in an answer: `error` (quilt3's token endpoint) or `message` (everything else); undefined without one. */
export function decodeRefusal(value: unknown, field: "error" | "message"): string | undefined {
	const decoded = v.safeParse(v.looseObject({ [field]: v.string() }), value);
	return decoded.success ? (decoded.output as Record<string, string>)[field] : undefined;
}
