/** Texts of manifests: usual ones, in and out of order, and such as nobody writes. */
import fc from "fast-check";
import { formatManifestJson } from "../../src/core/json.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { anyJson, anyText } from "./json-arbitrary.ts";

const segment = fc.oneof(
	{ weight: 6, arbitrary: fc.stringMatching(/^[a-c.!0~-]{1,2}$/) },
	{ weight: 1, arbitrary: anyText.map((text) => text.replaceAll("/", "")) },
	{ weight: 1, arbitrary: fc.constantFrom("", "é", "\u{1f600}", "\ue000", 'q"', "b\\s", "\u007f", "\t") },
);
export const anyKey = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const url = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.constantFrom(
			"s3://b/k",
			"s3://b/k/x_y~z?versionId=a.b-c",
			"file:///a/b%20c",
			"s3://b/%25%2B//.",
		),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			...[
				"s3://b/k?versionId=",
				"s3://b/k?versionId=a%20b",
				"s3://b/%2f",
				"s3://b/%2F",
				"s3://b/%41",
				"s3://B/k",
			],
			...[
				"file:///a//b",
				"file:///a/../b",
				"file:///a/.",
				"file:///a/",
				"file:///",
				"file:///C%3A/x",
				"file:///C:/x",
			],
			...[
				"s3://b/é",
				"s3://b/%C3%A9",
				"s3://b/%FF",
				"file:///%7F",
				"s3://b/k#f",
				"s3://b",
				"http://h/",
				"s3:///k",
				"a/b",
			],
		),
	},
);
const size = fc.oneof(
	{ weight: 4, arbitrary: fc.nat().map(String) },
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			"null",
			"-1",
			"-0",
			"01",
			"1.5",
			"1e3",
			"9007199254740993",
			"999999999999999",
			'"1"',
		),
	},
);
const hash = fc.oneof(
	{
		weight: 4,
		arbitrary: fc
			.constantFrom("a1", "Zm9v", "é", "")
			.map((v) => `{"type": "SHA256", "value": ${JSON.stringify(v)}}`),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			"null",
			"{}",
			'{"value": "a", "type": "b"}',
			'{"type": "a", "value": "b", "c": 1}',
			'"x"',
		),
	},
);
const number = fc.oneof(
	fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
	fc.constantFrom(
		"0.0",
		"-0.0",
		"-0",
		"1.0",
		"1.10",
		"0.0001",
		"0.00001",
		"0.00012",
		"123456789012345.0",
		"1e5",
		"1E5",
	),
	fc.constantFrom(
		"00",
		"1.",
		".5",
		"-",
		"9999999999999999999999",
		"0.1234567890123456",
		"NaN",
		"-Infinity",
		"1.5e-7",
	),
);
const meta = fc.oneof(
	{ weight: 3, arbitrary: fc.constant("{}") },
	{
		weight: 3,
		arbitrary: fc
			.dictionary(anyText, anyJson(), { maxKeys: 5 })
			.map((value) => formatManifestJson(new Map(Object.entries(value)))),
	},
	{
		weight: 3,
		arbitrary: fc
			.array(fc.tuple(fc.constantFrom("b", "a", "ab", "é", "c c"), number), { maxLength: 6 })
			.map(objectText),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			"null",
			"[]",
			"1",
			'"x"',
			'{"a":1}',
			'{"b": {"d": 1, "c": [1, {"z": 1, "y": {}}]}, "a": [ ]}',
			"{} ",
		),
	},
);

function objectText(members: readonly (readonly [string, string])[]): string {
	return `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")}}`;
}

const entryLine = fc
	.record({ key: anyKey, url, size, hash, meta })
	.map(
		({ key, url: location, size: bytes, hash: digest, meta: value }) =>
			`{"logical_key": ${JSON.stringify(key)}, "physical_keys": ["${location}"], "size": ${bytes}, "hash": ${digest}, "meta": ${value}}`,
	);
const goodLine = fc
	.record({ key: anyKey, meta })
	.map(
		({ key, meta: value }) =>
			`{"logical_key": ${JSON.stringify(key)}, "physical_keys": ["s3://b/k"], "size": 1, "hash": {"type": "t", "value": "v"}, "meta": ${value}}`,
	);
const directoryLine = fc
	.record({ key: anyKey, meta })
	.map(({ key, meta: value }) => `{"logical_key": ${JSON.stringify(`${key}/`)}, "meta": ${value}}`);
const header = fc.constantFrom(
	'{"version": "v0"}',
	'{"version": "v0", "message": null, "user_meta": {"b": 1.0, "a": "é"}}',
	"[]",
	" {}",
);

/** Lines as they are, and mostly in the order of a walk, in which quilt3 writes them. */
export const manifestText = fc
	.record({
		header: fc.oneof(
			{ weight: 9, arbitrary: fc.constant('{"version": "v0"}') },
			{ weight: 1, arbitrary: header },
		),
		directories: fc.oneof(fc.constant([]), fc.array(directoryLine, { maxLength: 3 })),
		entries: fc.oneof(fc.array(goodLine, { maxLength: 12 }), fc.array(entryLine, { maxLength: 8 })),
		sorted: fc.constantFrom(true, true, true, false),
		end: fc.constantFrom("\n", "\n", "\n", "\n", "", "\r\n", "\n\n"),
	})
	.map(({ header: first, directories, entries, sorted, end }) => {
		const lines = sorted ? inOrder(entries) : entries;
		return [first, ...directories, ...lines].join("\n") + (lines.length > 0 ? end : "\n");
	});

function inOrder(lines: readonly string[]): string[] {
	const rank = (line: string): string =>
		(JSON.parse(line.slice(16, line.indexOf(', "physical_keys"'))) as string) + "/";
	const byKey = new Map(lines.map((line) => [rank(line), line]));
	const keys = [...byKey.keys()].sort((a, b) => {
		const [x, y] = [a.split("/"), b.split("/")];
		for (let i = 0; ; i++) {
			const order = Buffer.compare(Buffer.from(x[i] ?? ""), Buffer.from(y[i] ?? ""));
			if (order !== 0 || i >= Math.max(x.length, y.length)) return order;
		}
	});
	return keys.map((key) => byKey.get(key) ?? "");
}

/** Bytes of a manifest, some of which were replaced. */
export const damagedManifest = fc
	.tuple(
		manifestText,
		fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0x0a, 0x22, 0x5c, 0x7d, 0x20))), {
			minLength: 1,
			maxLength: 3,
		}),
	)
	.map(([text, changes]) => {
		const bytes = encodeUtf8(text);
		for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
		return bytes;
	});
