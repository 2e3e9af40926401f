/** Makes random packages as steps that bale and quilt3 both understand. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../support/random.ts";
import type { Step } from "./steps.ts";

/** Names that are unusual and yet allowed in logical keys and as file names on POSIX systems. */
export const hostileNames: readonly string[] = [
	"a",
	"b.txt",
	"A",
	"10",
	"9",
	"__proto__",
	"constructor",
	"hasOwnProperty",
	"toString",
	" leading",
	"trailing ",
	"trailing.",
	"two  spaces",
	"tab\there",
	"line\nfeed",
	"escape\u001b[31m",
	"delete\u007f",
	"percent%20sign",
	"%",
	"%2F",
	"plus+and&equals=",
	"question?mark#hash",
	"semi;colon",
	"back\\slash",
	"quote\"single'",
	"<tag>",
	"CON",
	"nul.txt",
	"C:",
	"~",
	"-rf",
	"...",
	".hidden",
	"é",
	"e\u0301",
	"A\u030a",
	"\u00c5",
	"\u212b",
	"ß",
	"İ",
	"日本語.csv",
	"ﬀ",
	"\u00a0",
	"\u2028",
	"\u202egnp.exe",
	"\ufeffmark",
	"\uffff",
	"\ue000",
	"😀",
	"𐀀",
	"👩‍👩‍👧",
	"x".repeat(200),
];

const strings = [
	"",
	"a",
	"ä",
	"\u0000",
	"\u007f",
	"\u2028",
	"😀",
	"\\",
	'"',
	"/",
	"\t\n",
	"é",
	"null",
	"1.0",
];
const numbers = [
	"0",
	"-0",
	"1",
	"-1",
	"10",
	"0.0",
	"-0.0",
	"1.0",
	"1e0",
	"1E400",
	"1e16",
	"1e-5",
	"0.1",
	"1e22",
].concat(
	[
		"123456789012345678901234567890",
		"-9007199254740993",
		"9007199254740993",
		"5e-324",
		"1.7976931348623157e308",
	],
	[
		"3.141592653589793",
		"100000000000000000000.0",
		"1e15",
		"123456789.123456789",
		"0.00001",
		"0.0001",
		"2.5e-7",
	],
);

/** A JSON text with floats, big integers, unusual strings and duplicate names. */
export function randomJsonText(random: Random, depth = 0): string {
	const kind = random.integer(0, depth > 3 ? 3 : 5);
	if (kind === 0) return random.pick(["null", "true", "false"]);
	// An overflowing literal is an infinity, which cannot be written; it is tested elsewhere.
	if (kind === 1) return random.pick(numbers.filter((text) => text !== "1E400"));
	if (kind <= 3) return JSON.stringify(random.pick(strings) + random.pick(strings));
	const count = random.integer(0, 3);
	const items = Array.from({ length: count }, () => randomJsonText(random, depth + 1));
	if (kind === 4) return `[${items.join(random.pick([",", ", ", " ,\n"]))}]`;
	const names = ["a", "b", "ä", "10", "9", "__proto__", "constructor", "A", "😀", "\uffff", ""];
	return `{${items.map((item) => `${JSON.stringify(random.pick(names))}:${item}`).join(",")}}`;
}

function randomObjectText(random: Random): string {
	const count = random.integer(0, 3);
	const names = ["user_meta", "x", "ß", "", "__proto__", "1"];
	return `{${Array.from({ length: count }, () => `${JSON.stringify(random.pick(names))}: ${randomJsonText(random)}`).join(", ")}}`;
}

/** Files with unusual names and contents of many sizes, for `randomSteps` to choose from. */
export type Pool = { readonly files: readonly string[]; readonly directories: readonly string[] };

/** Writes a pool below `directory`, an absolute real path. */
export function writePool(directory: string, random: Random): Pool {
	const sizes = [0, 1, 2, 63, 64, 65, 1000, 4096, 65_537, 1_000_003];
	const files: string[] = [];
	const directories: string[] = [];
	const write = (path: string, size: number) => {
		const start = random.integer(0, 255);
		writeFileSync(
			path,
			Buffer.from(Array.from({ length: Math.min(size, 251) }, (_, i) => (start + i * 7) & 255)),
		);
		if (size > 251) writeFileSync(path, Buffer.alloc(size, `${start} repeated `));
		files.push(path);
	};
	for (let index = 0; index < 12; index += 1) {
		const folder = join(directory, `folder ${index}`);
		directories.push(folder);
		for (let count = random.integer(0, 6); count >= 0; count -= 1) {
			const below = random.chance(0.4) ? join(folder, `sub${random.pick(hostileNames)}`) : folder;
			mkdirSync(below, { recursive: true });
			// A file name of its own kind can never be where a folder is.
			write(join(below, `${random.pick(hostileNames)}.file`), random.pick(sizes));
		}
	}
	return { files, directories };
}

/** Steps of one package: never a file where a directory is, or the reverse (both refuse that, differently). */
export function randomSteps(random: Random, pool: Pool): Step[] {
	const steps: Step[] = [];
	const placed: string[] = [];
	const directories: string[] = [];
	// quilt3 puts one and the same entry object at both keys, so that metadata set later at one shows at the other.
	const shared = new Set<string>();
	const own = () => placed.filter((path) => !shared.has(path));
	const meta = () => (random.chance(0.5) ? { meta_json: randomObjectText(random) } : {});
	const key = () => {
		const folders = Array.from({ length: random.integer(0, 3) }, () => `d${random.pick(hostileNames)}`);
		for (let depth = 1; depth <= folders.length; depth += 1)
			directories.push(folders.slice(0, depth).join("/"));
		const whole = [...folders, random.pick(hostileNames) + ".f"].join("/");
		placed.push(whole);
		return whole;
	};
	if (random.chance(0.4)) {
		steps.push({
			op: "set_dir",
			key: random.pick([".", "/"]),
			src: random.pick(pool.directories),
			...meta(),
		});
	}
	for (let count = random.integer(0, 8); count > 0; count -= 1) {
		const roll = random();
		if (roll < 0.6) steps.push({ op: "set", key: key(), src: random.pick(pool.files), ...meta() });
		else if (roll < 0.75) {
			const name = `d${random.pick(hostileNames)}`;
			const policy = random.pick(["incoming", "existing"] as const);
			steps.push({
				op: "set_dir",
				key: name,
				src: random.pick(pool.directories),
				update_policy: policy,
				...meta(),
			});
			directories.push(name);
		} else if (roll < 0.85 && placed.length > 0) {
			const from = random.pick(placed);
			const copy = { op: "copy_entry", from, key: key() } as const;
			steps.push(copy);
			shared.add(copy.from).add(copy.key);
		} else if (own().length > 0)
			steps.push({ op: "set_meta", at: random.pick(own()), meta_json: randomObjectText(random) });
	}
	const parents = directories.filter((name) => placed.some((path) => path.startsWith(`${name}/`)));
	if (parents.length > 0 && random.chance(0.6))
		steps.push({ op: "set_meta", at: random.pick(parents), meta_json: randomObjectText(random) });
	if (placed.length > 1 && random.chance(0.3)) steps.push({ op: "delete", key: random.pick(placed) });
	if (random.chance(0.5)) steps.push({ op: "set_meta", meta_json: randomObjectText(random) });
	return steps;
}

/** A message for a revision: none given, none at all, or text. */
export function randomMessage(random: Random): string | null | undefined {
	return random.pick([undefined, null, "", "first", "ä 😀 \u2028", "two\nlines"]);
}
