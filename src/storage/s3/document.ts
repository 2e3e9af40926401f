/** The documents that requests and answers of S3 consist of. */
import type { Versioning } from "../store.ts";
import { XmlSyntaxError, childText, parseXml, type XmlElement } from "./xml.ts";
import { decodeListed } from "./percent.ts";

export type ListedObject = {
	readonly key: string;
	readonly size: number;
	readonly etag: string;
	readonly modifiedAt: Date;
	readonly versionId?: string;
};
export type ListPage = {
	/** Objects and common prefixes in the order of the server. */
	readonly objects: readonly ListedObject[];
	readonly prefixes: readonly string[];
	/** Where the next page begins; undefined: this is the last. */
	readonly next: string | undefined;
};
export type VersionsPage = Omit<ListPage, "next" | "prefixes"> & {
	readonly next: { readonly keyMarker: string; readonly versionIdMarker: string | undefined } | undefined;
};
/** `checksum` is absent where the upload has none. */
export type CompletedPart = {
	readonly number: number;
	readonly etag: string;
	readonly checksum?: string | undefined;
};

export type ListedPart = CompletedPart & { readonly size: number };
/** An upload in parts that is under way, or was left. */
export type ListedUpload = {
	readonly key: string;
	readonly uploadId: string;
	readonly startedAt: Date;
};
export type UploadsPage = {
	readonly uploads: readonly ListedUpload[];
	readonly next: { readonly keyMarker: string; readonly uploadIdMarker: string } | undefined;
};

/** A page of ListObjectsV2. Throws `XmlSyntaxError`. */
export function readListPage(document: XmlElement): ListPage {
	const root = rootCalled(document, "ListBucketResult");
	const encoded = childText(root, "EncodingType") === "url";
	const objects: ListedObject[] = [];
	const prefixes: string[] = [];
	for (const child of root.children) {
		if (child.name === "Contents") objects.push(readObject(child, encoded));
		else if (child.name === "CommonPrefixes") prefixes.push(listedText(required(child, "Prefix"), encoded));
	}
	const truncated = childText(root, "IsTruncated") === "true";
	return { objects, prefixes, next: truncated ? required(root, "NextContinuationToken") : undefined };
}

/** A page of ListObjectVersions, with the latest versions only; keys whose latest is a delete marker are left out. */
export function readVersionsPage(document: XmlElement): VersionsPage {
	const root = rootCalled(document, "ListVersionsResult");
	const encoded = childText(root, "EncodingType") === "url";
	const objects: ListedObject[] = [];
	for (const child of root.children) {
		if (child.name !== "Version" || childText(child, "IsLatest") !== "true") continue;
		objects.push({ ...readObject(child, encoded), versionId: detached(required(child, "VersionId")) });
	}
	if (childText(root, "IsTruncated") !== "true") return { objects, next: undefined };
	const versionIdMarker = childText(root, "NextVersionIdMarker");
	return {
		objects,
		next: {
			keyMarker: listedText(required(root, "NextKeyMarker"), encoded),
			versionIdMarker: versionIdMarker === "" ? undefined : versionIdMarker,
		},
	};
}

/** The id of an upload that was begun. Throws `XmlSyntaxError`. */
export function readUploadId(document: XmlElement): string {
	return required(rootCalled(document, "InitiateMultipartUploadResult"), "UploadId");
}

/** The ETag of an object whose upload was completed. Throws `XmlSyntaxError`. */
export function readCompletedEtag(document: XmlElement): string {
	return required(rootCalled(document, "CompleteMultipartUploadResult"), "ETag");
}

/** The ETag of an object that was copied. Throws `XmlSyntaxError`. */
export function readCopiedEtag(document: XmlElement): string {
	return required(rootCalled(document, "CopyObjectResult"), "ETag");
}

/** A page of ListParts. Throws `XmlSyntaxError`. */
export function readPartsPage(document: XmlElement): {
	readonly parts: readonly ListedPart[];
	readonly next: string | undefined;
} {
	const root = rootCalled(document, "ListPartsResult");
	const parts = root.children
		.filter((child) => child.name === "Part")
		.map((part): ListedPart => ({
			number: wholeNumber(part, "PartNumber"),
			size: wholeNumber(part, "Size"),
			etag: required(part, "ETag"),
			checksum: childText(part, "ChecksumSHA256"),
		}));
	const truncated = childText(root, "IsTruncated") === "true";
	return { parts, next: truncated ? required(root, "NextPartNumberMarker") : undefined };
}

/** A page of ListMultipartUploads. Throws `XmlSyntaxError`. */
export function readUploadsPage(document: XmlElement): UploadsPage {
	const root = rootCalled(document, "ListMultipartUploadsResult");
	const encoded = childText(root, "EncodingType") === "url";
	const uploads = root.children
		.filter((child) => child.name === "Upload")
		.map((upload): ListedUpload => ({
			key: listedText(required(upload, "Key"), encoded),
			uploadId: required(upload, "UploadId"),
			startedAt: timeOf(upload, "Initiated"),
		}));
	if (childText(root, "IsTruncated") !== "true") return { uploads, next: undefined };
	const keyMarker = listedText(required(root, "NextKeyMarker"), encoded);
	return { uploads, next: { keyMarker, uploadIdMarker: required(root, "NextUploadIdMarker") } };
}

/** What is told of a part that was copied. Throws `XmlSyntaxError`. */
export function readCopiedPart(document: XmlElement): Omit<CompletedPart, "number"> {
	const root = rootCalled(document, "CopyPartResult");
	return { etag: required(root, "ETag"), checksum: childText(root, "ChecksumSHA256") };
}

/** What a GetBucketVersioning answer says. Throws `XmlSyntaxError`. */
export function readVersioning(document: XmlElement): Versioning {
	const status = childText(rootCalled(document, "VersioningConfiguration"), "Status");
	if (status === "Enabled") return "enabled";
	return status === "Suspended" ? "suspended" : "none";
}

/** The body that completes a multipart upload. */
export function formatCompletion(parts: readonly CompletedPart[]): string {
	const lines = parts.map(
		({ number, etag, checksum }) =>
			`<Part><PartNumber>${number}</PartNumber><ETag>${escapeText(etag)}</ETag>` +
			`${checksum === undefined ? "" : `<ChecksumSHA256>${escapeText(checksum)}</ChecksumSHA256>`}</Part>`,
	);
	return (
		`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		`${lines.join("")}</CompleteMultipartUpload>`
	);
}

function rootCalled(root: XmlElement, name: string): XmlElement {
	if (root.name !== name) throw new XmlSyntaxError(`not a document of S3: it is called ${root.name}`);
	return root;
}

function required(element: XmlElement, name: string): string {
	const text = childText(element, name);
	if (text === undefined) throw new XmlSyntaxError(`not a document of S3: ${element.name} has no ${name}`);
	return text;
}

function readObject(element: XmlElement, encoded: boolean): ListedObject {
	return {
		key: listedText(required(element, "Key"), encoded),
		size: wholeNumber(element, "Size"),
		etag: detached(childText(element, "ETag") ?? ""),
		modifiedAt: timeOf(element, "LastModified"),
	};
}

function wholeNumber(element: XmlElement, name: string): number {
	const text = required(element, name);
	if (!/^\d{1,15}$/.test(text)) throw new XmlSyntaxError(`not a document of S3: ${name} is no number`);
	return Number(text);
}

/** A time; the beginning of time where none is told. */
function timeOf(element: XmlElement, name: string): Date {
	const time = Date.parse(childText(element, name) ?? "");
	return new Date(Number.isNaN(time) ? 0 : time);
}

function listedText(text: string, encoded: boolean): string {
	if (!encoded) return detached(text);
	const decoded = decodeListed(text);
	if (decoded === undefined) throw new XmlSyntaxError("not a document of S3: a key is not URL-encoded");
	return decoded;
}

/** The same text by itself: one that was cut out of a page keeps the whole page in memory for as long as it is kept. */
function detached(text: string): string {
	return ` ${text}`.slice(1);
}

function escapeText(text: string): string {
	return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The keys in an answer of AWS's token service; undefined when there are none. */
export function readStsCredentials(
	text: string,
): Record<"accessKeyId" | "secretAccessKey" | "sessionToken" | "expiration", string | undefined> | undefined {
	const keys = findElement(text, "Credentials");
	if (keys === undefined) return undefined;
	return {
		accessKeyId: childText(keys, "AccessKeyId"),
		secretAccessKey: childText(keys, "SecretAccessKey"),
		sessionToken: childText(keys, "SessionToken"),
		expiration: childText(keys, "Expiration"),
	};
}

/** The code in an error document of a service that wraps it (`ErrorResponse`). */
export function readErrorCode(text: string): string | undefined {
	const error = findElement(text, "Error");
	return error && childText(error, "Code");
}

function findElement(text: string, name: string): XmlElement | undefined {
	const find = (element: XmlElement): XmlElement | undefined =>
		element.name === name ? element : element.children.map(find).find((found) => found !== undefined);
	try {
		return find(parseXml(text));
	} catch {
		return undefined;
	}
}
