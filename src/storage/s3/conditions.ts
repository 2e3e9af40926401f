/** Whether a service honours the conditions of writes. Some ignore the headers: what relies on them would lose writes there. */
import { encodeUtf8 } from "../../core/utf8.ts";
import type { Operation, S3Client } from "./client.ts";

/** What was learnt of a service by earlier processes. */
export interface ServiceMemory {
	/** Whether conditions are honoured; undefined: not known, or learnt too long ago. */
	recall(service: string): boolean | undefined;
	remember(service: string, conditions: boolean): void;
}

export class Conditions {
	readonly #client: S3Client;
	readonly #markerKey: string;
	readonly #memory: ServiceMemory | undefined;
	#honoured: boolean | undefined;

	/** `prefix` is empty or ends in a slash. */
	constructor(client: S3Client, prefix: string, memory: ServiceMemory | undefined) {
		this.#client = client;
		this.#markerKey = `${prefix}.bale/conditions`;
		this.#memory = memory;
		if (client.service === "aws") this.#honoured = true;
	}

	/** False only when it is known that they are not. */
	get honoured(): boolean {
		return this.#honoured !== false;
	}

	/** A write showed it. */
	learn(honoured: boolean): void {
		if (this.#honoured === honoured) return;
		this.#honoured = honoured;
		if (this.#client.service !== "aws") this.#memory?.remember(this.#client.service, honoured);
	}

	/** Finds out, unless it is known, by writing a marker where that must be refused. */
	async detect(signal: AbortSignal | undefined): Promise<boolean> {
		this.#honoured ??= this.#memory?.recall(this.#client.service);
		if (this.#honoured === undefined) {
			const found = await this.#probe(signal);
			if (found !== undefined) this.learn(found);
		}
		return this.honoured;
	}

	/** Undefined: it cannot be told, because the marker cannot be written. */
	async #probe(signal: AbortSignal | undefined): Promise<boolean | undefined> {
		const create = { "if-none-match": "*" };
		let status = await this.#write(create, signal);
		if (status === 200) status = await this.#write(create, signal);
		const created = this.#meaningOf(status);
		if (created !== true) return created;
		return this.#meaningOf(await this.#write({ "if-match": '"00000000000000000000000000000000"' }, signal));
	}

	/** Status of the answer; 200 for all that are a success. */
	async #write(
		condition: Readonly<Record<string, string>>,
		signal: AbortSignal | undefined,
	): Promise<number> {
		const bytes = encodeUtf8("bale writes this object to see whether conditions are honoured.\n");
		const operation: Operation = {
			action: "s3:PutObject",
			method: "PUT",
			key: this.#markerKey,
			headers: condition,
			creates: true,
			body: { bytes, sha256: this.#client.sha256(bytes) },
			isRead: false,
			signal,
		};
		const outcome = await this.#client.send(operation);
		if (!outcome.ok) return outcome.failure.status;
		outcome.response.discard();
		return 200;
	}

	#meaningOf(status: number): boolean | undefined {
		if (status === 412) return true;
		// A server that cannot encrypt says no more than that it cannot do something.
		if (status === 501) return this.#client.encrypts ? undefined : false;
		return status === 200 ? false : undefined;
	}
}
