/** A plain web server on the loopback address: files below some folders, byte ranges included. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const types: Record<string, string> = {
	".js": "text/javascript",
	".mjs": "text/javascript",
	".html": "text/html",
};

function answer(
	folders: Readonly<Record<string, string>>,
	request: IncomingMessage,
	response: ServerResponse,
): void {
	const [, mount = "", ...rest] = new URL(request.url ?? "/", "http://host").pathname
		.split("/")
		.map(decodeURIComponent);
	const folder = folders[mount];
	const path = folder === undefined ? undefined : join(folder, rest.join("/"));
	const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
	if (path === undefined || !stat?.isFile()) {
		response.writeHead(404).end();
		return;
	}
	const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
	const start = Number(first ?? 0);
	const end = Math.min(last ? Number(last) : stat.size - 1, stat.size - 1);
	response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream");
	response.setHeader("content-length", end - start + 1);
	response.setHeader("last-modified", stat.mtime.toUTCString());
	response.setHeader("etag", `"${stat.size}-${stat.mtimeMs}"`);
	if (first !== undefined) response.setHeader("content-range", `bytes ${start}-${end}/${stat.size}`);
	response.writeHead(first === undefined ? 200 : 206);
	if (request.method === "HEAD" || stat.size === 0) response.end();
	else createReadStream(path, { start, end }).pipe(response);
}

/** Serves each folder under its name; resolves to the address and a function that stops serving. */
export async function serve(
	folders: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
	const server = createServer((request, response) => {
		answer(folders, request, response);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}`,
		stop: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => {
					resolve();
				});
			}),
	};
}
