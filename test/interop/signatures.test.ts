/** Random requests, signed by bale and by botocore, which quilt3 signs with. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { encodeKey, formatQuery } from "../../src/storage/s3/percent.ts";
import { Signer } from "../../src/storage/s3/signature.ts";
import { chooseSeed, randomFrom, type Random } from "../support/random.ts";
import { interpreter } from "./quilt3.ts";

type Case = {
	readonly method: string;
	readonly host: string;
	readonly path: string;
	readonly query: readonly (readonly [string, string])[];
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	readonly region: string;
	readonly time: number;
};

const letters = Array.from("abcXYZ019-._~/ +%#?&=:@!$'()*,;[]{}|\\^`<>\"äßЖ日本🐈\u0301\u007f");
const names = [
	"list-type",
	"prefix",
	"versionId",
	"uploads",
	"partNumber",
	"uploadId",
	"start-after",
	"a b",
	"ä",
];
const headers = [
	"range",
	"if-match",
	"x-amz-checksum-sha256",
	"content-type",
	"x-amz-server-side-encryption",
];

function text(random: Random, least: number, most: number): string {
	const length = random.integer(least, most);
	return Array.from({ length }, () => random.pick(letters)).join("");
}

function word(random: Random, length: number): string {
	const plain = Array.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=");
	return Array.from({ length }, () => random.pick(plain)).join("");
}

function makeCase(random: Random): Case {
	const chosen = names.filter(() => random.chance(0.3));
	const given = headers.filter(() => random.chance(0.3));
	return {
		method: random.pick(["GET", "HEAD", "PUT", "POST", "DELETE"]),
		host: random.pick([
			"bucket.s3.eu-west-1.amazonaws.com",
			"localhost:9000",
			"127.0.0.1:8080",
			"s3.example.com",
		]),
		path: text(random, 0, 40),
		query: chosen.map((name) => [name, random.chance(0.3) ? "" : text(random, 1, 12)] as const),
		headers: Object.fromEntries(
			given.map((name) => [name, `a ${random.chance(0.3) ? "  " : ""}${word(random, 8)} `]),
		),
		body: Buffer.from(random.chance(0.5) ? "" : text(random, 1, 60)).toString("base64"),
		accessKeyId: word(random, 20).replace(/[/+=]/g, "0"),
		secretAccessKey: word(random, 40),
		...(random.chance(0.5) ? { sessionToken: word(random, 200) } : {}),
		region: random.pick(["us-east-1", "eu-central-1", "cn-north-1", "local"]),
		time: random.integer(1_000_000_000, 4_000_000_000) * 1000 + random.integer(0, 999),
	};
}

function ours(signer: Signer, one: Case): string | undefined {
	const { method, host, path, query, region, time } = one;
	const body = Buffer.from(one.body, "base64");
	const signed = signer.sign(
		{
			method,
			path: `/${encodeKey(path)}`,
			query: formatQuery(query),
			headers: { ...one.headers, host },
			payloadHash: createHash("sha256").update(body).digest("hex"),
		},
		one,
		{ region, time },
	);
	return signed["authorization"];
}

it("signs 2,000 random requests as botocore does", () => {
	const seed = chooseSeed("random requests");
	const random = randomFrom(seed);
	const cases = Array.from({ length: 2_000 }, () => makeCase(random));
	const output = execFileSync(interpreter(), [join(import.meta.dirname, "signer.py")], {
		input: JSON.stringify(cases),
		encoding: "utf8",
		maxBuffer: 1 << 28,
	});
	const theirs = JSON.parse(output) as string[];
	expect(theirs).toHaveLength(cases.length);
	const signer = new Signer(createNodeSha256);
	const different = cases.flatMap((one, index) => {
		const mine = ours(signer, one);
		return mine === theirs[index] ? [] : [{ ...one, mine, botocore: theirs[index] }];
	});
	expect(different.slice(0, 3), `BALE_SEED=${seed}`).toEqual([]);
});
