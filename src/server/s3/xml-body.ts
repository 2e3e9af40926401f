/** Reads the documents that requests carry. */
import { childText, parseXml, XmlSyntaxError, type XmlElement } from "../../storage/s3/xml.ts";
import type { Call } from "./call.ts";
import { S3Fault } from "./fault.ts";

/** Bytes of a document that sets something. */
const shortBytes = 64 * 1024;

/** Bytes of a document that lists keys (1,000 of 1,024 bytes each, escaped) or parts (10,000 with checksums). */
export const longBytes = 8 * 1024 * 1024;

/** The root element of the body, which must have this name. Throws `MalformedXML` and what is wrong with a body. */
export async function readDocument(call: Call, name: string, limit = shortBytes): Promise<XmlElement> {
	const text = await call.body.text(limit);
	try {
		const root = parseXml(text);
		if (root.name === name) return root;
	} catch (error) {
		if (!(error instanceof XmlSyntaxError)) throw error;
	}
	throw malformed();
}

export function malformed(): S3Fault {
	return new S3Fault(
		"MalformedXML",
		400,
		"The XML you provided was not well-formed or did not validate against our published schema",
	);
}

/** Text of a child that must be there. */
export function requiredText(element: XmlElement, name: string): string {
	const text = childText(element, name);
	if (text === undefined) throw malformed();
	return text;
}
