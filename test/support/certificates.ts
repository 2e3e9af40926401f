/** A certificate authority for tests, made anew each time: the few fields of X.509 that TLS looks at. */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

const dayMs = 86_400_000;

export type Certificates = {
	/** PEM of the authority. */
	readonly authority: string;
	/** PEM of a server's certificate for 127.0.0.1 and localhost, and its key. */
	readonly cert: string;
	readonly key: string;
};

export function makeCertificates(): Certificates {
	const authority = makeKey();
	const server = makeKey();
	const name = "bale test authority";
	const alternativeNames = extension(
		[0x55, 0x1d, 0x11],
		sequence(node(0x82, Buffer.from("localhost")), node(0x87, Buffer.from([127, 0, 0, 1]))),
	);
	// basicConstraints, critical, CA
	const isAuthority = sequence(
		identifier([0x55, 0x1d, 0x13]),
		node(0x01, Buffer.from([0xff])),
		node(0x04, sequence(node(0x01, Buffer.from([0xff])))),
	);
	return {
		authority: certificate(name, name, authority.publicKey, authority.privateKey, isAuthority),
		cert: certificate("localhost", name, server.publicKey, authority.privateKey, alternativeNames),
		key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
	};
}

function makeKey(): { readonly publicKey: Buffer; readonly privateKey: KeyObject } {
	const pair = generateKeyPairSync("ec", {
		namedCurve: "P-256",
		publicKeyEncoding: { type: "spki", format: "der" },
		privateKeyEncoding: { type: "pkcs8", format: "pem" },
	});
	return { publicKey: pair.publicKey, privateKey: createPrivateKey(pair.privateKey) };
}

function certificate(
	subject: string,
	issuer: string,
	publicKey: Buffer,
	signer: KeyObject,
	extensions: Buffer,
): string {
	// ecdsa-with-SHA256
	const algorithm = sequence(identifier([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
	const content = sequence(
		node(0xa0, node(0x02, Buffer.from([2]))),
		node(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
		algorithm,
		nameOf(issuer),
		sequence(time(Date.now() - dayMs), time(Date.now() + dayMs)),
		nameOf(subject),
		publicKey,
		node(0xa3, sequence(extensions)),
	);
	const signature = node(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", content, signer)]));
	const base64 = sequence(content, algorithm, signature).toString("base64");
	return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** commonName */
function nameOf(text: string): Buffer {
	const attribute = sequence(identifier([0x55, 0x04, 0x03]), node(0x0c, Buffer.from(text)));
	return sequence(node(0x31, attribute));
}

function time(milliseconds: number): Buffer {
	const text = new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, "");
	return node(0x17, Buffer.from(text.slice(2)));
}

function extension(id: readonly number[], value: Buffer): Buffer {
	return sequence(identifier(id), node(0x04, value));
}

function identifier(bytes: readonly number[]): Buffer {
	return node(0x06, Buffer.from(bytes));
}

function sequence(...children: readonly Buffer[]): Buffer {
	return node(0x30, Buffer.concat(children));
}

function node(tag: number, content: Buffer): Buffer {
	const { length } = content;
	const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
