/**
 * An S3 server on which every bucket has as many objects as wished: it makes up the pages of the listing and the objects,
 * whose content is their number, and holds none of them. What is copied it says to have copied.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const pageKeys = 1000;
const digits = 9;
const owner = "0".repeat(64);

export type EndlessBucket = {
	readonly endpoint: string;
	/** Pages that were asked for. */
	pages: number;
	/** Copies that were asked for. */
	copies: number;
	stop(): Promise<void>;
};

/** The key at a place in the order of the listing. */
export function keyAt(index: number): string {
	return `data/${String(index).padStart(digits, "0")}.csv`;
}

export async function startEndlessBucket(objects: number): Promise<EndlessBucket> {
	const server = createServer((request, response) => {
		response.setHeader("etag", '"a copy"');
		if (request.method === "PUT") {
			result.copies++;
			response.end(`<CopyObjectResult><ETag>"a copy"</ETag></CopyObjectResult>`);
			return;
		}
		if (request.method === "HEAD") {
			response.end();
			return;
		}
		const { searchParams: query, pathname } = new URL(request.url ?? "", "http://localhost");
		const number = /\/data\/(\d+)\.csv$/.exec(pathname)?.[1];
		if (number !== undefined) {
			response.setHeader("content-length", digits);
			response.setHeader("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT");
			response.end(number);
			return;
		}
		if (query.has("versioning")) {
			response.end("<VersioningConfiguration/>");
			return;
		}
		result.pages++;
		const versions = query.has("versions");
		const mark = query.get(versions ? "key-marker" : "continuation-token");
		const first = mark === null ? 0 : Number(/\d+/.exec(mark)?.[0]) + 1;
		const last = Math.min(first + pageKeys, objects) - 1;
		const more = last + 1 < objects;
		const element = versions ? "Version" : "Contents";
		const root = versions ? "ListVersionsResult" : "ListBucketResult";
		const items: string[] = [];
		for (let index = first; index <= last; index++) {
			const version = versions ? "<VersionId>null</VersionId><IsLatest>true</IsLatest>" : "";
			items.push(
				`<${element}><Key>${keyAt(index)}</Key>${version}<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;${String(index).padStart(32, "0")}&quot;</ETag><ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>${digits}</Size><Owner><ID>${owner}</ID></Owner><StorageClass>STANDARD</StorageClass></${element}>`,
			);
		}
		const next = !more
			? ""
			: versions
				? `<NextKeyMarker>${keyAt(last)}</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>`
				: `<NextContinuationToken>${keyAt(last)}</NextContinuationToken>`;
		response.end(`<${root}><IsTruncated>${String(more)}</IsTruncated>${next}${items.join("")}</${root}>`);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const result: EndlessBucket = {
		endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		pages: 0,
		copies: 0,
		async stop() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
	return result;
}
