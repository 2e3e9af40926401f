/** Reading files, and sums over bytes. */
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { makeFile } from "../lib/files.mjs";

const [kibibyte, mebibyte] = [1024, 2 ** 20];
const pieceBytes = 256 * kibibyte;

/** Takes bytes from `prepare`, so that nothing is compiled before it is there. */
const ours = (path) => import(`../../dist/${path}`);

/** Every byte of a file, in pieces as large as the buffer; returns how many there were. */
function readAll(path, buffer) {
	const file = openSync(path);
	let total = 0;
	for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) total += count;
	closeSync(file);
	return total;
}

function sum(createDigest, bytes, length) {
	const digest = createDigest();
	for (let at = 0; at < bytes.length; at += length) digest.update(bytes.subarray(at, at + length));
	return Buffer.from(digest.digest()).toString("hex");
}

async function crcData(bytes) {
	const { createCrc64Nvme, digestBy } = await ours("core/crc64nvme.js");
	const { updatePlain } = await ours("core/crc64nvme-plain.js");
	return {
		bytes: randomFillSync(Buffer.alloc(bytes)),
		createCrc64Nvme,
		createPlain: () => digestBy(updatePlain),
	};
}

/** @type {import("../lib/micro.mjs").MicroScenario[]} */
export const scenarios = [
	{
		name: "read-buffer",
		title: "a file of 64 MiB read in pieces of 256 KiB",
		base: "page",
		async prepare({ directory, scaled }) {
			const path = join(directory, "file");
			makeFile(path, scaled(64) * mebibyte);
			const { createReadBuffer } = await ours("node/read-buffer.mjs");
			return { path, createReadBuffer };
		},
		variants({ path, createReadBuffer }) {
			// Memory of WebAssembly begins at a page; where other memory begins cannot be seen from here.
			const pages = new Uint8Array(new WebAssembly.Memory({ initial: pieceBytes / 65_536 + 1 }).buffer);
			const [atPage, behindPage] = [0, 16].map((from) => pages.subarray(from, from + pieceBytes));
			const helped = createReadBuffer(pieceBytes);
			return [
				{
					id: "malloc",
					label: "16 bytes behind the start of a page, as large blocks of memory begin",
					run: () => readAll(path, behindPage),
				},
				{ id: "page", label: "at the start of a page", run: () => readAll(path, atPage) },
				{ id: "bale", label: "bale: createReadBuffer()", run: () => readAll(path, helped) },
			];
		},
		targets: [{ of: "bale", beside: "page", metric: "cpu", atMost: 1.1 }],
	},
	{
		name: "crc64nvme",
		title: "CRC64NVME of 16 MiB, in pieces of 256 KiB",
		base: "plain",
		prepare: ({ scaled }) => crcData(scaled(16) * mebibyte),
		variants: ({ bytes, createCrc64Nvme, createPlain }) => [
			{
				id: "plain",
				label: "plain JavaScript",
				run: () => sum(createPlain, bytes, pieceBytes),
			},
			{ id: "bale", label: "bale: WebAssembly", run: () => sum(createCrc64Nvme, bytes, pieceBytes) },
			{ id: "crc32", label: "zlib.crc32: another sum, in native code", run: () => crc32(bytes), other: true },
		],
		targets: [{ of: "bale", beside: "plain", metric: "cpu", timesLess: 2.5 }],
	},
	{
		name: "crc64nvme-small",
		title: "CRC64NVME of 20,000 contents of 100 bytes",
		base: "plain",
		prepare: ({ scaled }) => crcData(scaled(20_000) * 100),
		variants({ bytes, createCrc64Nvme, createPlain }) {
			const each = (create) => {
				let last;
				for (let at = 0; at < bytes.length; at += 100) last = sum(create, bytes.subarray(at, at + 100), 100);
				return last;
			};
			return [
				{ id: "plain", label: "plain JavaScript", run: () => each(createPlain) },
				{ id: "bale", label: "bale: createCrc64Nvme()", run: () => each(createCrc64Nvme) },
			];
		},
		targets: [{ of: "bale", beside: "plain", metric: "cpu", atMost: 1.2 }],
	},
];
