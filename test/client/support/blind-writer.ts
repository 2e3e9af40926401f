/** A publisher as quilt3 is one: it writes its pointers over whatever is there. */
import { Package } from "../../../src/index.ts";

/** Writes an object, whatever is at its key. */
export type Put = (key: string, bytes: Uint8Array) => Promise<void>;

/** Publishes one revision after another under `name` until `done` ends; returns their top hashes. */
export async function publishBlindly(put: Put, name: string, done: Promise<unknown>): Promise<string[]> {
	const published: string[] = [];
	const race = { ended: false };
	const end = done.finally(() => (race.ended = true));
	while (!race.ended) {
		const revision = new Package().setMeta({ by: "another client", number: published.length });
		const { topHash } = revision;
		const manifest = new Uint8Array(await new Response(revision.dump()).arrayBuffer());
		await put(`.quilt/packages/${topHash}`, manifest);
		const pointer = new TextEncoder().encode(topHash);
		await put(`.quilt/named_packages/${name}/${Math.floor(Date.now() / 1000)}`, pointer);
		await put(`.quilt/named_packages/${name}/latest`, pointer);
		published.push(topHash);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	await end;
	return published;
}
