/** Listing a bucket page by page; only one page is in memory at a time. */
import { BaleError } from "../../core/errors.ts";
import { compareNames } from "../../core/logical-key.ts";
import { throwIfAborted } from "../abort.ts";
import type { ListItem, ListOptions, ObjectInfo } from "../store.ts";
import type { S3Client } from "./client.ts";
import { readListPage, readVersionsPage, type ListPage, type VersionsPage } from "./document.ts";
import { locationOf } from "./failure.ts";

/** Objects and common prefixes below `base + prefix`, with keys relative to `base`, in the order of their UTF-8 bytes. */
export async function* listObjects(
	client: S3Client,
	base: string,
	prefix: string,
	options: ListOptions,
): AsyncGenerator<ListItem, void> {
	const { delimiter, startAfter, signal } = options;
	let token: string | undefined;
	do {
		throwIfAborted(signal);
		const page: ListPage = await client.expectDocument(
			{
				action: "s3:ListBucket",
				method: "GET",
				query: [
					["list-type", "2"],
					["encoding-type", "url"],
					["prefix", base + prefix],
					...(delimiter === undefined ? [] : ([["delimiter", delimiter]] as const)),
					...(startAfter === undefined ? [] : ([["start-after", base + startAfter]] as const)),
					...(token === undefined ? [] : ([["continuation-token", token]] as const)),
				],
				isRead: true,
				signal,
			},
			readListPage,
		);
		const items: ListItem[] = page.objects.map((object) => ({
			...object,
			key: object.key.slice(base.length),
		}));
		for (const common of page.prefixes) items.push({ prefix: common.slice(base.length) });
		if (page.prefixes.length > 0) items.sort((a, b) => compareNames(nameOf(a), nameOf(b)));
		for (const item of items) {
			throwIfAborted(signal);
			// Some servers begin with the prefix that `startAfter` lies in.
			if (startAfter === undefined || compareNames(nameOf(item), startAfter) > 0) yield item;
		}
		if (page.next !== undefined && page.next === token) throw noProgress(client);
		token = page.next;
	} while (token !== undefined);
}

/** The latest version of each object below `base + prefix`, with keys relative to `base`. */
export async function* listLatestVersions(
	client: S3Client,
	base: string,
	prefix: string,
	options: Omit<ListOptions, "delimiter">,
): AsyncGenerator<ObjectInfo, void> {
	const { startAfter, signal } = options;
	let marker: VersionsPage["next"] =
		startAfter === undefined ? undefined : { keyMarker: base + startAfter, versionIdMarker: undefined };
	do {
		throwIfAborted(signal);
		const page: VersionsPage = await client.expectDocument(
			{
				action: "s3:ListBucketVersions",
				method: "GET",
				query: [
					["versions", ""],
					["encoding-type", "url"],
					["prefix", base + prefix],
					...(marker === undefined ? [] : ([["key-marker", marker.keyMarker]] as const)),
					...(marker?.versionIdMarker === undefined
						? []
						: ([["version-id-marker", marker.versionIdMarker]] as const)),
				],
				isRead: true,
				signal,
			},
			readVersionsPage,
		);
		for (const object of page.objects) {
			throwIfAborted(signal);
			yield { ...object, key: object.key.slice(base.length) };
		}
		const { next } = page;
		if (
			next !== undefined &&
			next.keyMarker === marker?.keyMarker &&
			next.versionIdMarker === marker.versionIdMarker
		)
			throw noProgress(client);
		marker = next;
	} while (marker !== undefined);
}

/** Some servers go on with the page that they have just given. */
function noProgress(client: S3Client): BaleError {
	return new BaleError(
		"StoreUnavailable",
		`Cannot list ${locationOf({ bucket: client.bucket })}: the server gives one page again and again`,
		{
			hint: "Name a smaller prefix, or ask the operator of the server",
			details: { bucket: client.bucket, endpoint: client.subject({ action: "s3:ListBucket" }).endpoint },
		},
	);
}

function nameOf(item: ListItem): string {
	return "prefix" in item ? item.prefix : item.key;
}
