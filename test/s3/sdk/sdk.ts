/** AWS's SDK on a server of the tests, and what it answers in the words of our own client. */
import { S3Client, S3ServiceException, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { isBaleError } from "../../../src/core/errors.ts";
import { sha256 } from "../../support/files.ts";
import type { S3Server, ServerKeys } from "../../support/s3/server.ts";

/** The SDK says with every new client that it will leave this release of Node. */
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** The SDK with the keys of the server, or others. */
export function sdkOn(server: S3Server, credentials: ServerKeys = server.credentials): S3Client {
	return new S3Client({
		endpoint: server.endpoint,
		region: "us-east-1",
		credentials,
		forcePathStyle: true,
		maxAttempts: 1,
		requestChecksumCalculation: "WHEN_REQUIRED",
		responseChecksumValidation: "WHEN_REQUIRED",
	});
}

/** What was answered, as far as both clients tell it. */
export type Told = {
	readonly etag?: string | undefined;
	readonly size?: number | undefined;
	readonly versionId?: string | undefined;
	readonly modified?: number | undefined;
	/** Base64, with `-<parts>` for an object of parts. */
	readonly checksum?: string | undefined;
	/** Hex SHA-256 of the bytes. */
	readonly content?: string | undefined;
};

/** Why something was not done, or what is not there. */
export type Refused = "missing" | "conflict" | { readonly status: number; readonly code: string };

/** Without what is undefined. */
export function told(facts: Told): Told {
	return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** What the SDK says of an object that it has read. */
export async function toldBySdk(output: GetObjectCommandOutput): Promise<Told> {
	return told({
		etag: output.ETag,
		size: output.ContentLength,
		versionId: output.VersionId,
		modified: output.LastModified?.getTime(),
		checksum: output.ChecksumSHA256,
		...(output.Body === undefined ? {} : { content: sha256(await output.Body.transformToByteArray()) }),
	});
}

/** Runs what either client does; refusals are compared, not thrown. */
export async function outcomeOf<T>(work: () => Promise<T | undefined>): Promise<T | Refused> {
	try {
		return (await work()) ?? "missing";
	} catch (error) {
		if (error instanceof S3ServiceException) {
			const { name: code, $metadata } = error;
			const status = $metadata.httpStatusCode ?? 0;
			if (status === 404 && /^(NoSuchKey|NoSuchVersion|NotFound)$/.test(code)) return "missing";
			return status === 412 ? "conflict" : { status, code };
		}
		if (isBaleError(error, "ObjectNotFound")) return "missing";
		if (isBaleError(error, "Conflict")) return "conflict";
		if (!isBaleError(error)) throw error;
		const { status = 0, code = error.code } = error.details as { status?: number; code?: string };
		return { status, code };
	}
}
