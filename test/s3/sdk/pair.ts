/** Our own client and AWS's SDK, which take the same steps on one server. */
import {
	CopyObjectCommand,
	DeleteObjectCommand,
	GetObjectCommand,
	HeadObjectCommand,
	ListObjectsV2Command,
	ListObjectVersionsCommand,
	PutObjectCommand,
	type S3Client as SdkClient,
} from "@aws-sdk/client-s3";
import { compareNames } from "../../../src/core/logical-key.ts";
import { collect } from "../../../src/storage/byte-source.ts";
import { encodeKey } from "../../../src/storage/s3/percent.ts";
import type { Condition, ObjectInfo } from "../../../src/storage/store.ts";
import { sha256 } from "../../support/files.ts";
import type { S3Server } from "../../support/s3/server.ts";
import type { S3Store } from "../../../src/storage/s3/s3-store.ts";
import { outcomeOf, told, toldBySdk, type Refused, type Told } from "./sdk.ts";

/** Contents that are written. */
export const contents = ["", "one", "two", "many ".repeat(20_000)];

export type Step =
	| {
			readonly kind: "put";
			readonly key: string;
			/** Index of `contents`. */
			readonly content: number;
			readonly condition: "none" | "absent" | "same" | "other";
	  }
	| { readonly kind: "delete"; readonly key: string }
	| { readonly kind: "copy"; readonly key: string; readonly from: string }
	| {
			readonly kind: "get";
			readonly key: string;
			readonly range: readonly [number, number] | undefined;
			readonly version: number | undefined;
	  }
	| { readonly kind: "head"; readonly key: string; readonly version: number | undefined }
	| {
			readonly kind: "list";
			readonly prefix: string;
			readonly delimiter: boolean;
			readonly after: string | undefined;
	  };

/** Writes go to a bucket for each client; reads of both go to the one that the SDK writes to. */
export class Pair {
	readonly #sdk: SdkClient;
	readonly #theirs: string;
	readonly #ours: string;
	/** Ours, on the bucket of the SDK. */
	readonly #reader: S3Store;
	readonly #writer: S3Store;
	/** Versions that the SDK was told of. */
	readonly #versions = new Map<string, string[]>();
	readonly #etags = new Map<string, string>();

	constructor(sdk: SdkClient, server: S3Server, theirs: string, ours: string) {
		this.#sdk = sdk;
		this.#theirs = theirs;
		this.#ours = ours;
		this.#reader = server.openStore(theirs);
		this.#writer = server.openStore(ours);
	}

	/** What both are told. */
	take(step: Step): Promise<readonly [sdk: unknown, ours: unknown]> {
		switch (step.kind) {
			case "put":
				return this.#put(step.key, Buffer.from(contents[step.content]!), step.condition);
			case "delete":
				return this.#delete(step.key);
			case "copy":
				return this.#copy(step.from, step.key);
			case "get":
			case "head":
				return this.#read(step);
			case "list":
				return this.#list(step.prefix, step.delimiter, step.after);
		}
	}

	/** Everything that is there, of both buckets: keys, ETags and sizes. */
	async state(): Promise<readonly [sdk: unknown, ours: unknown]> {
		const brief = (items: readonly (Pick<Told, "etag" | "size"> & { readonly key?: string })[]): unknown =>
			items.map(({ key, etag, size }) => ({ key, etag, size }));
		const [theirs] = await this.#list("", false, undefined);
		const ours = [];
		for await (const item of this.#writer.list("")) if (!("prefix" in item)) ours.push(item);
		return [brief((theirs as { readonly objects: Told[] }).objects), brief(ours)];
	}

	async #put(
		key: string,
		bytes: Buffer,
		wanted: "none" | "absent" | "same" | "other",
	): Promise<readonly [unknown, unknown]> {
		const etag = wanted === "same" ? this.#etags.get(key) : undefined;
		const other = '"00000000000000000000000000000000"';
		const condition: Condition | undefined =
			wanted === "none" ? undefined : wanted === "absent" ? { ifAbsent: true } : { ifEtag: etag ?? other };
		const putBySdk = (condition: Condition | undefined): Promise<Told | Refused> =>
			outcomeOf(async () => {
				const output = await this.#sdk.send(
					new PutObjectCommand({
						Bucket: this.#theirs,
						Key: key,
						Body: bytes,
						ChecksumAlgorithm: "SHA256",
						...(condition === undefined
							? {}
							: "ifAbsent" in condition
								? { IfNoneMatch: "*" }
								: { IfMatch: condition.ifEtag }),
					}),
				);
				this.#note(key, output.ETag, output.VersionId);
				return told({
					etag: output.ETag,
					checksum: output.ChecksumSHA256,
					versionId: output.VersionId && "one",
				});
			});
		let theirs = await putBySdk(condition);
		// versitygw takes a delete marker for an object, which our client sees through.
		if (wanted === "absent" && theirs === "conflict" && (await this.#headBySdk(key, undefined)) === "missing")
			theirs = await putBySdk(undefined);
		const ours = await outcomeOf(async () => {
			const info = await this.#writer.put(key, bytes, condition === undefined ? {} : { condition });
			return told({ etag: info.etag, checksum: info.checksum?.sha256, versionId: info.versionId && "one" });
		});
		// What must be there and is not is a conflict to us.
		return [theirs === "missing" ? "conflict" : theirs, ours];
	}

	async #delete(key: string): Promise<readonly [unknown, unknown]> {
		await this.#sdk.send(new DeleteObjectCommand({ Bucket: this.#theirs, Key: key }));
		await this.#writer.delete(key);
		this.#etags.delete(key);
		return Promise.all([this.#headBySdk(key, undefined), outcomeOf(() => this.#writer.head(key))]);
	}

	async #copy(from: string, key: string): Promise<readonly [unknown, unknown]> {
		if (from === key) return ["", ""];
		const theirs = await outcomeOf(async () => {
			const output = await this.#sdk.send(
				new CopyObjectCommand({
					Bucket: this.#theirs,
					Key: key,
					CopySource: encodeKey(`${this.#theirs}/${from}`),
					ChecksumAlgorithm: "SHA256",
				}),
			);
			this.#note(key, output.CopyObjectResult?.ETag, output.VersionId);
			const { etag, checksum, size } = (await this.#headBySdk(key, undefined)) as Told;
			return told({ etag, checksum, size });
		});
		const ours = await outcomeOf(async () => {
			const info = await this.#writer.copyFrom({ bucket: this.#ours, key: from }, key);
			return info && told({ etag: info.etag, checksum: info.checksum?.sha256, size: info.size });
		});
		return [theirs, ours];
	}

	async #read(step: Extract<Step, { readonly kind: "get" | "head" }>): Promise<readonly [unknown, unknown]> {
		const versionId = step.version === undefined ? undefined : this.#versions.get(step.key)?.[step.version];
		const named = versionId === undefined ? {} : { versionId };
		if (step.kind === "head") {
			const ours = outcomeOf(async () => infoTold(await this.#reader.head(step.key, named)));
			return Promise.all([this.#headBySdk(step.key, versionId), ours]);
		}
		const range = step.range && { offset: step.range[0], length: step.range[1] };
		const theirs = outcomeOf(async () => {
			const output = await this.#sdk.send(
				new GetObjectCommand({
					Bucket: this.#theirs,
					Key: step.key,
					...(versionId === undefined ? {} : { VersionId: versionId }),
					...(range === undefined
						? {}
						: { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
				}),
			);
			const size =
				output.ContentRange === undefined ? output.ContentLength : Number(output.ContentRange.split("/")[1]);
			// A range that is not wholly there is cut off, which is an error to us.
			if (range !== undefined && range.offset + range.length > (size ?? 0)) return Promise.reject(new Cut());
			return told({ ...(await toldBySdk(output)), size });
		}).catch((error: unknown) => {
			if (error instanceof Cut) return "no range";
			throw error;
		});
		const ours = outcomeOf(async () => {
			const object = await this.#reader.get(step.key, {
				...named,
				...(range === undefined ? {} : { range }),
			});
			return object && told({ ...infoTold(object.info), content: sha256(await collect(object.body)) });
		}).then((outcome) => (isNoRange(outcome) ? "no range" : outcome));
		return Promise.all([theirs.then((outcome) => (isNoRange(outcome) ? "no range" : outcome)), ours]);
	}

	#headBySdk(key: string, versionId: string | undefined): Promise<Told | Refused> {
		return outcomeOf(async () => {
			const output = await this.#sdk.send(
				new HeadObjectCommand({
					Bucket: this.#theirs,
					Key: key,
					ChecksumMode: "ENABLED",
					...(versionId === undefined ? {} : { VersionId: versionId }),
				}),
			);
			return toldBySdk(output);
		});
	}

	async #list(
		prefix: string,
		delimiter: boolean,
		after: string | undefined,
	): Promise<readonly [unknown, unknown]> {
		const output = await this.#sdk.send(
			new ListObjectsV2Command({
				Bucket: this.#theirs,
				Prefix: prefix,
				...(delimiter ? { Delimiter: "/" } : {}),
				...(after === undefined ? {} : { StartAfter: after }),
			}),
		);
		const objects = (output.Contents ?? []).map(({ Key, ETag, Size, LastModified }) => ({
			key: Key ?? "",
			...told({ etag: ETag, size: Size, modified: LastModified?.getTime() }),
		}));
		// Our client leaves out the prefix that `after` lies in.
		const prefixes = (output.CommonPrefixes ?? [])
			.map(({ Prefix = "" }) => ({ prefix: Prefix }))
			.filter(({ prefix }) => after === undefined || compareNames(prefix, after) > 0);
		const ours = [];
		const options = {
			...(delimiter ? { delimiter: "/" as const } : {}),
			...(after === undefined ? {} : { startAfter: after }),
		};
		for await (const item of this.#reader.list(prefix, options))
			ours.push("prefix" in item ? item : { key: item.key, ...infoTold(item) });
		if (delimiter) return [new Set([...objects, ...prefixes]), new Set(ours)];

		const versions = await this.#sdk.send(
			new ListObjectVersionsCommand({ Bucket: this.#theirs, Prefix: prefix }),
		);
		const latest = (versions.Versions ?? [])
			.filter(({ IsLatest }) => IsLatest === true)
			.map(({ Key, VersionId }) => [Key, VersionId]);
		const ourLatest = [];
		for await (const { key, versionId } of this.#reader.listVersions(prefix))
			ourLatest.push([key, versionId ?? "null"]);
		return [
			{ objects, latest },
			{ objects: ours, latest: ourLatest },
		];
	}

	#note(key: string, etag: string | undefined, versionId: string | undefined): void {
		if (etag !== undefined) this.#etags.set(key, etag);
		if (versionId !== undefined) this.#versions.set(key, [...(this.#versions.get(key) ?? []), versionId]);
	}
}

class Cut extends Error {}

function infoTold(info: ObjectInfo | undefined): Told | undefined {
	if (info === undefined) return undefined;
	const { etag, size, versionId, modifiedAt, checksum } = info;
	const parts = checksum?.parts === undefined ? "" : `-${checksum.parts}`;
	return told({
		etag,
		size,
		versionId,
		modified: modifiedAt.getTime(),
		checksum: checksum && checksum.sha256 + parts,
	});
}

/** A range that begins behind the end is refused by the server, one that ends there by us. */
const isNoRange = (outcome: unknown): boolean =>
	typeof outcome === "object" &&
	outcome !== null &&
	"code" in outcome &&
	(outcome.code === "InvalidRange" || outcome.code === "InvalidArgument");
