import { expect, it } from "vitest";
import {
	decodeCredentials,
	decodeRefusal,
	decodeStoredCredentials,
	decodeTokens,
	encodeStoredCredentials,
	encodeTokens,
} from "./identity.ts";

it("decodeTokens() reads what encodeTokens() writes and refuses everything else", () => {
	const tokens = { refreshToken: "r", accessToken: "a", expiresAt: 1.5 };
	expect(decodeTokens(encodeTokens(tokens))).toEqual(tokens);
	for (const value of [
		null,
		[],
		"x",
		{},
		{ ...encodeTokens(tokens), expires_at: "1" },
		{ access_token: "a" },
	]) {
		expect(decodeTokens(value)).toBeUndefined();
	}
	expect(decodeTokens({ ...encodeTokens(tokens), access_token: "a\r\nX: y" })).toBeUndefined();
});

it("decodeStoredCredentials() reads what encodeStoredCredentials() writes from an answer", () => {
	const answer = {
		AccessKeyId: "A",
		SecretAccessKey: "s",
		SessionToken: "t",
		Expiration: "2026-11-21T02:40:12Z",
	};
	const credentials = decodeCredentials(answer);
	expect(credentials).toEqual({
		accessKeyId: "A",
		secretAccessKey: "s",
		sessionToken: "t",
		expiration: "2026-11-21T02:40:12Z",
	});
	if (credentials === undefined) return;
	expect(decodeStoredCredentials(encodeStoredCredentials(credentials))).toEqual(credentials);
	expect(decodeCredentials({ ...answer, Expiration: "soon" })).toBeUndefined();
	expect(decodeStoredCredentials({})).toBeUndefined();
});

it("decodeRefusal() finds only texts", () => {
	expect(decodeRefusal({ message: "no" }, "message")).toBe("no");
	expect(decodeRefusal({ message: 7 }, "message")).toBeUndefined();
	expect(decodeRefusal("no", "error")).toBeUndefined();
});
