/** The object that holds a registry's workflow configuration; all that a registry without one needs. */
import { BaleError, isBaleError, type ErrorCode } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { formatPhysicalKey, joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import type { Store } from "../storage/store.ts";
import { repeatedly } from "./repeatedly.ts";

/** Bytes that a configuration or a schema may have. */
const mostBytes = 1 << 20;

/** What is at a place. */
export type Opened = {
	/** Absent where objects have no versions. */
	readonly versionId?: string | undefined;
	readonly body: ReadableStream<Uint8Array>;
};

/** What was read, and its URL: with the version that was read, where objects have versions. */
export type Document = { readonly text: string; readonly url: string };

/**
 * Resolves to undefined when the registry has no configuration. Throws `InvalidWorkflow` when it cannot be read, but
 * not for what is no fault of the configuration: this is the first request of a publication, and finds out that keys
 * are wrong (`AccessDenied`), that there is no such bucket (`ObjectNotFound`), that it cannot be one (`InvalidUrl`) or
 * that it is elsewhere (`InvalidConfig`).
 */
export async function readWorkflowFile(
	store: Store,
	signal: AbortSignal | undefined,
): Promise<Document | undefined> {
	const place = joinPhysicalKey(store.root, layout.workflowConfig);
	const open = async (): Promise<Opened | undefined> => {
		const object = await store.get(layout.workflowConfig, { checked: true, signal });
		return object && { versionId: object.info.versionId, body: object.body };
	};
	return readDocument(place, "the workflow configuration", open, [
		"AccessDenied",
		"ObjectNotFound",
		"InvalidUrl",
		"InvalidConfig",
	]);
}

/**
 * Resolves to undefined when nothing is there. Throws `InvalidWorkflow` when it cannot be read, or is no text of at
 * most 1 MiB; failures that may pass, and those of `kept`, stay what they are.
 */
export async function readDocument(
	place: PhysicalKey,
	what: string,
	open: () => Promise<Opened | undefined>,
	kept: readonly ErrorCode[] = [],
): Promise<Document | undefined> {
	const read = async (): Promise<Document | undefined> => {
		const opened = await open();
		if (opened === undefined) return undefined;
		const { versionId, body } = opened;
		const versioned = place.kind === "file" || versionId === undefined ? place : { ...place, versionId };
		const url = formatPhysicalKey(versioned);
		return { url, text: await readText(body, url) };
	};
	try {
		return await repeatedly(read, (error) => isBaleError(error, "IntegrityMismatch"));
	} catch (error) {
		// Failures that do not pass by themselves are faults of the configuration, as in quilt3.
		if (!isBaleError(error) || error.retryable || [...passing, ...kept].includes(error.code)) throw error;
		throw new BaleError(
			"InvalidWorkflow",
			`Cannot read ${what} at ${formatPhysicalKey(place)}: ${error.message}`,
			{
				...(error.hint === undefined ? {} : { hint: error.hint }),
				details: error.details,
				cause: error,
			},
		);
	}
}

const passing: readonly ErrorCode[] = [
	"Aborted",
	"NotLoggedIn",
	"LoginExpired",
	"IntegrityMismatch",
	"InvalidWorkflow",
];

async function readText(body: ReadableStream<Uint8Array>, url: string): Promise<string> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	const reader = body.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) break;
			size += value.length;
			if (size > mostBytes) throw unusable(url, `it is larger than ${mostBytes} bytes`);
			chunks.push(value);
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
	const bytes = new Uint8Array(size);
	let offset = 0;
	for (const chunk of chunks) {
		bytes.set(chunk, offset);
		offset += chunk.length;
	}
	try {
		return decodeUtf8(bytes);
	} catch (error) {
		throw unusable(url, "it is no text in UTF-8", error);
	}
}

/** `InvalidWorkflow` about a file of the configuration. */
export function unusable(url: string, why: string, cause?: unknown): BaleError {
	return new BaleError("InvalidWorkflow", `Cannot use ${url}: ${why}`, {
		hint: "Mend the workflow configuration of the registry",
		details: { url },
		...(cause === undefined ? {} : { cause }),
	});
}
