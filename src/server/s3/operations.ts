/** Which operation a request asks for. */
import {
	bucketLocation,
	bucketVersioning,
	createBucket,
	headBucket,
	listBuckets,
	objectTagging,
	setBucketVersioning,
} from "./bucket-operations.ts";
import { bucketOf, type Answer, type BucketOperation, type Call } from "./call.ts";
import { deleteObject, deleteObjects } from "./delete-objects.ts";
import { S3Fault } from "./fault.ts";
import { listObjects, listObjectsV2, listUploads, listVersions } from "./listings.ts";
import { getObject, getObjectAttributes, headObject } from "./read-object.ts";
import { abortUpload, completeUpload, copyPart, createUpload, listParts, uploadPart } from "./uploads.ts";
import { copyObject, putObject } from "./write-object.ts";

/** Parameters that make a request another operation. Those without an entry below are not implemented. */
const subresources = new Set(
	(
		"acl accelerate analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle " +
		"location logging metadataConfiguration metadataTable metrics notification object-lock ownershipControls policy " +
		"policyStatus publicAccessBlock replication requestPayment restore retention select session tagging torrent " +
		"uploads uploadId versioning versions website renameObject append"
	).split(" "),
);

type Entry = { readonly run: BucketOperation; readonly writes?: true };

/** `<method> <bucket|object> <subresource>`. */
const table = new Map<string, Entry>([
	["HEAD bucket ", { run: headBucket }],
	["GET bucket ", { run: (call, bucket) => listing(call)(call, bucket) }],
	["GET bucket location", { run: bucketLocation }],
	["GET bucket versioning", { run: bucketVersioning }],
	["PUT bucket versioning", { run: setBucketVersioning, writes: true }],
	["GET bucket versions", { run: listVersions }],
	["GET bucket uploads", { run: listUploads }],
	["POST bucket delete", { run: deleteObjects, writes: true }],
	["GET object ", { run: getObject }],
	["HEAD object ", { run: headObject }],
	["GET object attributes", { run: getObjectAttributes }],
	["GET object tagging", { run: objectTagging }],
	["GET object uploadId", { run: listParts }],
	["PUT object ", { run: (call, bucket) => copyOr(call, copyObject, putObject)(call, bucket), writes: true }],
	[
		"PUT object uploadId",
		{ run: (call, bucket) => copyOr(call, copyPart, uploadPart)(call, bucket), writes: true },
	],
	["POST object uploads", { run: createUpload, writes: true }],
	["POST object uploadId", { run: completeUpload, writes: true }],
	["DELETE object ", { run: deleteObject, writes: true }],
	["DELETE object uploadId", { run: abortUpload, writes: true }],
]);

function listing(call: Call): BucketOperation {
	const type = call.request.query.get("list-type");
	if (type === undefined) return listObjects;
	if (type === "2") return listObjectsV2;
	throw new S3Fault("InvalidArgument", 400, "Invalid List Type specified in Request");
}

function copyOr(call: Call, copy: BucketOperation, put: BucketOperation): BucketOperation {
	return call.request.headers.has("x-amz-copy-source") ? copy : put;
}

/** Carries out a request that was signed. Throws `S3Fault`. */
export async function perform(call: Call): Promise<Answer> {
	const { method, bucket: name, key, query } = call.request;
	const asked = [...query.keys()].filter((parameter) => subresources.has(parameter));
	const [subresource = ""] = asked;
	const notImplemented = () =>
		new S3Fault(
			"NotImplemented",
			501,
			`${method} ${asked.join("&")} implies functionality that is not implemented.`,
		);
	if (asked.length > 1) throw notImplemented();
	if (name === "") {
		if (method === "GET" && key === "" && subresource === "") return await listBuckets(call);
		throw method === "GET"
			? notImplemented()
			: new S3Fault("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
	}
	const creates = method === "PUT" && key === "" && subresource === "";
	if (creates) {
		refuseReadOnly(call);
		return await createBucket(call);
	}
	const bucket = bucketOf(call.buckets, name);
	const entry = table.get(`${method} ${key === "" ? "bucket" : "object"} ${subresource}`);
	if (entry === undefined) {
		if (subresource !== "" || ["GET", "HEAD", "PUT", "POST", "DELETE"].includes(method))
			throw notImplemented();
		throw new S3Fault("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
	}
	if (entry.writes === true) refuseReadOnly(call);
	const expectedOwner = call.request.headers.get("x-amz-expected-bucket-owner");
	if (expectedOwner !== undefined && expectedOwner !== "bale")
		throw new S3Fault("AccessDenied", 403, "The bucket has another owner than is expected.");
	return await entry.run(call, bucket);
}

function refuseReadOnly(call: Call): void {
	if (call.buckets.readOnly)
		throw new S3Fault(
			"AccessDenied",
			403,
			"Access Denied: this server only lets read (bale serve --read-only).",
		);
}
