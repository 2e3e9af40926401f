/** Sends answers over HTTP. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorTable, isBaleError } from "../../core/errors.ts";
import type { Answer } from "./call.ts";
import { S3Fault } from "./fault.ts";
import { formatError, xmlDeclaration } from "./xml-text.ts";

/** How long a client may take to accept a piece of an answer. */
const drainMs = 300_000;

/**
 * Sends an answer to its end; ends the connection when its bytes cannot be had. `skipped`: reads what the client still sends,
 * which would not see the answer if the connection ended before.
 */
export async function sendAnswer(
	response: ServerResponse,
	answer: Answer,
	more: Readonly<Record<string, string>>,
	signal: AbortSignal,
	skipped: () => Promise<void>,
): Promise<void> {
	const document = answer.xml === undefined ? undefined : Buffer.from(answer.xml, "utf8");
	if (response.headersSent) {
		await skipped();
		// The head and the declaration have been sent by `EarlyAnswer`.
		response.end(answer.xml?.slice(xmlDeclaration.length));
		return;
	}
	const headers: Record<string, string> = { ...answer.headers, ...more };
	if (document !== undefined) {
		headers["content-type"] = "application/xml";
		headers["content-length"] = String(document.length);
	} else if (headers["content-length"] === undefined && answer.status !== 204 && answer.status !== 304) {
		headers["content-length"] = "0";
	}
	// Node writes each character of a header as one byte.
	const written = Object.entries(headers).map(([name, value]) => [
		name,
		Buffer.from(value, "utf8").toString("latin1"),
	]);
	response.writeHead(answer.status, Object.fromEntries(written) as Record<string, string>);
	if (answer.bytes === undefined) {
		if (document === undefined) response.flushHeaders();
		else response.write(document);
		await skipped();
		response.end();
		return;
	}
	try {
		for await (const piece of answer.bytes) {
			signal.throwIfAborted();
			if (!response.write(piece)) await drained(response, signal);
		}
		response.end();
	} catch (error) {
		response.destroy();
		throw error;
	}
}

/** What a failure is to the client. */
export function toFault(error: unknown): S3Fault {
	if (error instanceof S3Fault) return error;
	if (isBaleError(error, "Locked")) return new S3Fault("SlowDown", 503, "Please reduce your request rate.");
	if (isBaleError(error, "NoSpace")) return new S3Fault("InsufficientStorage", 507, "The disk is full.");
	if (isBaleError(error, "AccessDenied"))
		return new S3Fault("AccessDenied", 403, "Access Denied: the server may not read or write that file.");
	if (isBaleError(error) && errorTable[error.code].status < 500)
		return new S3Fault("InvalidRequest", errorTable[error.code].status, error.message);
	return new S3Fault("InternalError", 500, "We encountered an internal error. Please try again.");
}

/** The answer that tells a failure. */
export function faultAnswer(fault: S3Fault, message: IncomingMessage, requestId: string): Answer {
	const silent = message.method === "HEAD" || fault.status === 304;
	if (silent) return { status: fault.status, headers: fault.headers };
	const resource = (message.url ?? "").replace(/\?.*$/s, "");
	const xml = formatError(fault.code, fault.message, { resource, requestId });
	return { status: fault.status, headers: fault.headers, xml };
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const over = (): void => {
			clearTimeout(timer);
			response.off("drain", done);
			signal.removeEventListener("abort", failed);
		};
		const done = (): void => {
			over();
			resolve();
		};
		const failed = (): void => {
			over();
			reject(new Error("the client does not read on"));
		};
		const timer = setTimeout(failed, drainMs);
		response.once("drain", done);
		signal.addEventListener("abort", failed, { once: true });
	});
}
