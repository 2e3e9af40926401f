/** A server on loopback that keeps objects, believes everybody, and remembers what was asked with which headers. */
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { listen } from "./proxy.ts";

export type Recorded = {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	readonly headers: IncomingHttpHeaders;
};

export type RecordingBucket = { readonly endpoint: string; readonly requests: Recorded[] };

/** Starts one that the end of the test ends. `refuse` may answer with a status and an error code instead. */
export async function startRecordingBucket(
	refuse: (request: Recorded) => readonly [status: number, code: string] | undefined = () => undefined,
): Promise<RecordingBucket> {
	const requests: Recorded[] = [];
	const objects = new Map<string, Buffer>();
	/** Parts in their order, by the path of their object. */
	const uploaded = new Map<string, Buffer[]>();
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const { method = "", url = "", headers } = request;
			const recorded = { method, url, headers };
			requests.push(recorded);
			const answer = (
				status: number,
				body: string | Buffer = "",
				more: Record<string, string> = {},
			): void => {
				response.writeHead(status, { "content-length": String(body.length), ...more });
				response.end(method === "HEAD" ? "" : body);
			};
			const refusal = refuse(recorded);
			if (refusal !== undefined) {
				answer(refusal[0], `<Error><Code>${refusal[1]}</Code></Error>`);
				return;
			}
			const { pathname, searchParams } = new URL(url, "http://server");
			const body = Buffer.concat(chunks);
			if (method === "POST" && searchParams.has("uploads")) {
				uploaded.set(pathname, []);
				answer(200, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
			} else if (method === "POST") {
				const content = Buffer.concat(uploaded.get(pathname) ?? []);
				objects.set(pathname, content);
				const etag = `<ETag>${etagOf(content)}</ETag>`;
				answer(200, `<CompleteMultipartUploadResult>${etag}</CompleteMultipartUploadResult>`);
			} else if (method === "PUT") {
				const copied = headers["x-amz-copy-source"];
				const source = copied === undefined ? body : (objects.get(String(copied)) ?? Buffer.from(""));
				const [, first, last] = /=(\d+)-(\d+)/.exec(String(headers["x-amz-copy-source-range"])) ?? [];
				const content = first === undefined ? source : source.subarray(Number(first), Number(last) + 1);
				const number = searchParams.get("partNumber");
				if (number === null) objects.set(pathname, content);
				else (uploaded.get(pathname) ?? [])[Number(number) - 1] = content;
				const kind = number === null ? "CopyObjectResult" : "CopyPartResult";
				const result = `<${kind}><ETag>${etagOf(content)}</ETag></${kind}>`;
				answer(200, copied === undefined ? "" : result, { etag: etagOf(content) });
			} else if (searchParams.has("list-type")) {
				answer(200, "<ListBucketResult></ListBucketResult>");
			} else if (searchParams.has("uploads")) {
				answer(200, "<ListMultipartUploadsResult></ListMultipartUploadsResult>");
			} else if (method === "DELETE") {
				answer(204);
			} else if (searchParams.has("versioning")) {
				answer(200, "<VersioningConfiguration></VersioningConfiguration>");
			} else {
				const found = objects.get(pathname);
				if (found === undefined) answer(404, "<Error><Code>NoSuchKey</Code></Error>");
				else answer(200, found, { etag: etagOf(found) });
			}
		});
	});
	return { endpoint: `http://127.0.0.1:${await listen(server)}`, requests };
}

function etagOf(content: Buffer): string {
	return `"${createHash("md5").update(content).digest("hex")}"`;
}
