import { expect, test } from "vitest";
import { createReadBuffer, readBufferBytes } from "./read-buffer.mjs";

test("createReadBuffer() does not begin where its memory begins, which is just behind the start of a page", () => {
	for (const size of [1, 4096, readBufferBytes, 8 * 1024 * 1024]) {
		const buffer = createReadBuffer(size);
		expect(buffer.length).toBe(size);
		expect(buffer.byteOffset).toBe(64);
	}
	expect(createReadBuffer().length).toBe(readBufferBytes);
});
