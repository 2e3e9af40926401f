/** Answers that begin before the work is done, so that no client takes a long silence for the end of the server. */
import type { ServerResponse } from "node:http";
import { xmlDeclaration } from "./xml-text.ts";

/** As S3 does it: the head of a success, then white space, until the document says how it went. */
export class EarlyAnswer {
	readonly #response: ServerResponse;
	readonly #intervalMs: number;
	#timer: NodeJS.Timeout | undefined;

	constructor(response: ServerResponse, intervalMs: number) {
		this.#response = response;
		this.#intervalMs = intervalMs;
	}

	/** Begins when the interval has passed, unless it is stopped before. */
	start(headers: Readonly<Record<string, string>>): void {
		this.#timer ??= setInterval(() => {
			if (this.#response.headersSent) {
				this.#response.write(" ");
				return;
			}
			this.#response.writeHead(200, { ...headers, "content-type": "application/xml" });
			this.#response.write(`${xmlDeclaration}\n`);
		}, this.#intervalMs);
	}

	/** What has begun goes on with a document. */
	stop(): void {
		clearInterval(this.#timer);
	}
}
