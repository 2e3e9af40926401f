/** Keys that may do less: MinIO gives them for a policy, over the request that AWS has for it. */
import { encodeUtf8 } from "../../../src/core/utf8.ts";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { childText, parseXml } from "../../../src/storage/s3/xml.ts";
import { Signer, type S3Credentials } from "../../../src/storage/s3/signature.ts";
import { formatHex } from "../../../src/core/hex.ts";
import type { S3Server } from "./server.ts";

/** Keys that may do these IAM actions on a bucket and what is in it (of that, what `objects` fits), and nothing else. */
export async function limitedKeys(
	server: S3Server,
	bucket: string,
	actions: readonly string[],
	objects = "*",
): Promise<S3Credentials> {
	const resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/${objects}`];
	const policy = {
		Version: "2012-10-17",
		Statement: [{ Effect: "Allow", Action: actions, Resource: resource }],
	};
	const body = new URLSearchParams({
		Action: "AssumeRole",
		Version: "2011-06-15",
		DurationSeconds: "900",
		Policy: JSON.stringify(policy),
	}).toString();
	const digest = createNodeSha256();
	digest.update(encodeUtf8(body));
	const headers = new Signer(createNodeSha256).sign(
		{
			method: "POST",
			path: "/",
			query: "",
			headers: { host: new URL(server.endpoint).host, "content-type": "application/x-www-form-urlencoded" },
			payloadHash: formatHex(digest.digest()),
		},
		server.credentials,
		{ region: "us-east-1", time: Date.now(), service: "sts" },
	);
	const response = await fetch(server.endpoint, { method: "POST", headers, body });
	const text = await response.text();
	if (!response.ok) throw new Error(`no keys: ${text}`);
	const result = parseXml(text).children.find(({ name }) => name === "AssumeRoleResult");
	const given = result?.children.find(({ name }) => name === "Credentials");
	if (given === undefined) throw new Error(`no keys: ${text}`);
	const field = (name: string): string => childText(given, name) ?? "";
	return {
		accessKeyId: field("AccessKeyId"),
		secretAccessKey: field("SecretAccessKey"),
		sessionToken: field("SessionToken"),
	};
}
