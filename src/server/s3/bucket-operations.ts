/** What is asked of the service and of buckets as such. */
import { childText } from "../../storage/s3/xml.ts";
import type { Bucket } from "./bucket.ts";
import type { Answer, Call } from "./call.ts";
import { S3Fault } from "./fault.ts";
import { owner } from "./listings.ts";
import { malformed, readDocument } from "./xml-body.ts";
import { formatTime, formatXml } from "./xml-text.ts";

/** The one region that is told. */
export const region = "us-east-1";

export function listBuckets(call: Call): Promise<Answer> {
	const buckets = call.buckets.all().map(
		(bucket) =>
			[
				"Bucket",
				[
					["Name", bucket.name],
					["CreationDate", formatTime(0)],
				],
			] as const,
	);
	return Promise.resolve({
		status: 200,
		xml: formatXml("ListAllMyBucketsResult", [
			["Owner", owner],
			["Buckets", buckets],
		]),
	});
}

export function headBucket(): Promise<Answer> {
	return Promise.resolve({ status: 200, headers: { "x-amz-bucket-region": region } });
}

/** Throws `BucketAlreadyOwnedByYou`, and `NotImplemented` where the folders are given once and for all. */
export async function createBucket(call: Call): Promise<Answer> {
	const { buckets, request } = call;
	if (buckets.find(request.bucket) !== undefined)
		throw new S3Fault("BucketAlreadyOwnedByYou", 409, "The bucket is there already, and it is yours.");
	if (buckets.create === undefined)
		throw new S3Fault(
			"NotImplemented",
			501,
			"The buckets are the folders that bale serve was given; others cannot be made.",
		);
	if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(request.bucket))
		throw new S3Fault("InvalidBucketName", 400, "The specified bucket is not valid.");
	await buckets.create(request.bucket);
	return { status: 200, headers: { location: `/${request.bucket}` } };
}

/** An empty text stands for us-east-1. */
export function bucketLocation(): Promise<Answer> {
	return Promise.resolve({ status: 200, xml: formatXml("LocationConstraint", "") });
}

export async function bucketVersioning(_call: Call, bucket: Bucket): Promise<Answer> {
	const status = { enabled: "Enabled", suspended: "Suspended", none: undefined }[await bucket.versioning()];
	return { status: 200, xml: formatXml("VersioningConfiguration", [["Status", status]]) };
}

export async function setBucketVersioning(call: Call, bucket: Bucket): Promise<Answer> {
	const root = await readDocument(call, "VersioningConfiguration");
	if (childText(root, "MfaDelete")?.trim() === "Enabled")
		throw new S3Fault("NotImplemented", 501, "Deleting with a second factor is not implemented.");
	const status = childText(root, "Status")?.trim();
	if (status !== "Enabled" && status !== "Suspended") throw malformed();
	await bucket.setVersioning(status === "Enabled");
	return { status: 200 };
}

/** Objects have no tags. */
export function objectTagging(): Promise<Answer> {
	return Promise.resolve({ status: 200, xml: formatXml("Tagging", [["TagSet", []]]) });
}
