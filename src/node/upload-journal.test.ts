import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { FileJournal } from "./upload-journal.ts";

const place = { service: "aws", bucket: "lab", key: "large.bin" };
const parts = [
	{ number: 1, etag: '"a"', checksum: "AA==" },
	{ number: 2, etag: '"b"', checksum: "BB==" },
];

test("a line that was cut off is left out, and does not take the next one with it", () => {
	const directory = temporaryDirectory();
	const journal = new FileJournal(directory);
	const first = journal.open({ ...place, size: 100, partSize: 50, startedAt: 1, copyOf: "elsewhere" });
	first?.begun("upload 1");
	first?.arrived(parts[0]!);
	first?.release();
	const [name = ""] = readdirSync(directory);
	appendFileSync(join(directory, name), '{"part":{"numb');

	const [second] = journal.take(place);
	expect(second?.record).toMatchObject({ copyOf: "elsewhere", uploadId: "upload 1" });
	second?.arrived(parts[1]!);
	second?.release();
	const [third] = journal.left(place.service, place.bucket);
	expect([...(third?.parts.values() ?? [])]).toEqual(parts);
});

test("what an object is to be when it is made of the parts is kept", () => {
	const journal = new FileJournal(temporaryDirectory());
	const first = journal.open({ ...place, size: 100, partSize: 50, startedAt: 1 });
	first?.begun("upload 1");
	for (const part of parts) first?.arrived(part);
	first?.completing({ sha256: "CC==", parts: 2 });
	first?.release();
	const [second] = journal.take(place);
	expect(second?.record).toMatchObject({ uploadId: "upload 1", completing: { sha256: "CC==", parts: 2 } });
	expect(second?.record.parts.size).toBe(2);
});
