/** Which web pages may read the answers (CORS). */
import type { S3Request } from "./request.ts";

/** Headers of answers that a page may see. */
const exposed = [
	"accept-ranges",
	"content-range",
	"date",
	"etag",
	"x-amz-checksum-crc32",
	"x-amz-checksum-crc32c",
	"x-amz-checksum-crc64nvme",
	"x-amz-checksum-sha1",
	"x-amz-checksum-sha256",
	"x-amz-checksum-type",
	"x-amz-copy-source-version-id",
	"x-amz-delete-marker",
	"x-amz-mp-parts-count",
	"x-amz-request-id",
	"x-amz-version-id",
].join(", ");

/** Headers for an answer to a page of one of `origins` (`*`: of any); none for others. */
export function corsHeaders(
	origins: readonly string[],
	headers: S3Request["headers"],
): Record<string, string> {
	const origin = headers.get("origin");
	if (origins.length === 0) return {};
	const vary = { vary: "origin" };
	if (origin === undefined || !allows(origins, origin)) return vary;
	return { ...vary, "access-control-allow-origin": origin, "access-control-expose-headers": exposed };
}

/** The answer to the question that a browser asks before a request; undefined: it may not. */
export function preflight(
	origins: readonly string[],
	headers: S3Request["headers"],
): Record<string, string> | undefined {
	const origin = headers.get("origin");
	if (origin === undefined || !allows(origins, origin) || !headers.has("access-control-request-method"))
		return undefined;
	const asked = headers.get("access-control-request-headers");
	return {
		...corsHeaders(origins, headers),
		"access-control-allow-methods": "GET, HEAD, PUT, POST, DELETE",
		"access-control-max-age": "3600",
		...(asked === undefined ? {} : { "access-control-allow-headers": asked }),
	};
}

function allows(origins: readonly string[], origin: string): boolean {
	return origins.includes("*") || origins.includes(origin);
}
