/** What an S3 request asks for, told from its address and headers. */

export type Operation =
	| "AbortMultipartUpload"
	| "CompleteMultipartUpload"
	| "CopyObject"
	| "CreateMultipartUpload"
	| "DeleteObject"
	| "GetObject"
	| "HeadObject"
	| "ListMultipartUploads"
	| "ListObjects"
	| "ListParts"
	| "PutObject"
	| "UploadPart"
	| "UploadPartCopy"
	/** Anything about a bucket itself. */
	| "Bucket";

export type Named = {
	readonly method: string;
	readonly operation: Operation;
	readonly bucket: string;
	/** Empty for what is about the bucket. */
	readonly key: string;
	readonly query: URLSearchParams;
};

/** Names a request whose bucket is in the path. */
export function nameRequest(method: string, target: string, isCopy: boolean): Named {
	const [path = "", search = ""] = target.split("?", 2);
	const query = new URLSearchParams(search);
	const [, bucket = "", ...segments] = path.split("/");
	const key = decodeURIComponent(segments.join("/"));
	return { method, operation: operationOf(method, key, query, isCopy), bucket, key, query };
}

function operationOf(method: string, key: string, query: URLSearchParams, isCopy: boolean): Operation {
	const inUpload = query.has("uploadId");
	if (key === "") {
		if (query.has("uploads")) return "ListMultipartUploads";
		const isList = query.has("list-type") || query.has("versions") || query.has("prefix");
		return method === "GET" && isList ? "ListObjects" : "Bucket";
	}
	switch (method) {
		case "HEAD":
			return "HeadObject";
		case "GET":
			return inUpload ? "ListParts" : "GetObject";
		case "DELETE":
			return inUpload ? "AbortMultipartUpload" : "DeleteObject";
		case "POST":
			return inUpload ? "CompleteMultipartUpload" : "CreateMultipartUpload";
		default:
			if (inUpload) return isCopy ? "UploadPartCopy" : "UploadPart";
			return isCopy ? "CopyObject" : "PutObject";
	}
}
