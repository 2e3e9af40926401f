import { expect, test } from "vitest";
import { leftClaims } from "../../src/client/left-claims.ts";
import { MemoryStore, Package } from "../../src/browser.ts";
import { layout } from "../../src/core/layout.ts";
import { makeClaim } from "../../src/storage/s3/claim.ts";
import type { ListItem, ListOptions } from "../../src/storage/store.ts";
import { listed } from "./support/files.ts";

test("a file that came to its place while the manifests were read stays", async () => {
	const place = ".bale/objects/team/data/0123456789abcdef/file";
	const arrived = "what a push has brought";
	class BusyStore extends MemoryStore {
		override async *list(prefix: string, options?: ListOptions): AsyncGenerator<ListItem, void> {
			if (prefix === layout.packagesPrefix) await this.put(place, new TextEncoder().encode(arrived));
			yield* super.list(prefix, options);
		}
	}
	const store = new BusyStore();
	await (await new Package().setText("other", "text")).push("team/data", store);
	await store.put(place, makeClaim());
	const [claim] = await listed(leftClaims(store, { removeOlderThanMs: 0 }));
	expect(claim?.place).toContain(place);
	expect(await new Response((await store.get(place))?.body).text()).toBe(arrived);
});
