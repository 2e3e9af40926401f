/** What the Node and the browser entry have in common. */
export { Package, type FilterOptions } from "./client/package.ts";
export { PackageEntry } from "./client/entry.ts";
export type { EntrySource, SetOptions } from "./client/set-entry.ts";
export type { SetDirOptions } from "./client/set-dir.ts";
export type { BrowseOptions } from "./client/browse.ts";
export type { BuildOptions } from "./client/build.ts";
export type { Dest, PushOptions, SelectedEntry, Selector } from "./client/push.ts";
export type { InstallOptions } from "./client/install.ts";
export type { Changed, VerifyOptions, VerifyReport } from "./client/verify.ts";
export { statusOf, type Status } from "./client/status.ts";
export {
	unfinishedUploads,
	type UnfinishedUpload,
	type UnfinishedUploadsOptions,
} from "./client/unfinished-uploads.ts";
export {
	buildPackage,
	installPackage,
	pushPackage,
	type BuildResult,
	type InstallResult,
	type PushResult,
} from "./client/verbs.ts";
export { lostRevisions, type LostRevision, type LostRevisionsOptions } from "./client/lost-revisions.ts";
export { copy, type CopyOptions } from "./client/copy.ts";
export {
	deletePackage,
	listPackages,
	listPackageVersions,
	revisions,
	type DeleteOptions,
	type DeleteResult,
	type Revision,
} from "./client/module.ts";
export {
	checkWorkflow,
	readWorkflow,
	readWorkflows,
	type CheckWorkflowOptions,
	type RegistryWorkflows,
	type WorkflowReport,
	type WorkflowRule,
	type WorkflowSchema,
} from "./client/workflows.ts";
export type { WorkflowRecord } from "./client/prepare.ts";
export type { WorkflowViolation } from "./core/workflow/violation.ts";
export type { RegistryInput } from "./client/registries.ts";
export type { OnProgress, Outcome, Phase, ProgressEvent, RunOptions } from "./transfer/events.ts";
export { BaleError, errorTable, isBaleError, type ErrorCode, type ErrorDetails } from "./core/errors.ts";
export { Float } from "./core/json.ts";
export type { TreeDiff } from "./core/diff.ts";
export type { Hash } from "./core/hash.ts";
export {
	formatPackageUri,
	parsePackageReference,
	parsePackageUri,
	type PackageReference,
	type PackageUri,
} from "./core/package-uri.ts";
export { MemoryStore } from "./storage/memory-store.ts";
export { HttpStore } from "./storage/http-store.ts";
export { S3Store, type S3StoreOptions } from "./storage/s3/s3-store.ts";
export type { CredentialSource } from "./storage/s3/client.ts";
export type { Addressing, Encryption } from "./core/registry-setting-names.ts";
export type { S3Credentials } from "./storage/s3/signature.ts";
export { fetchTransport } from "./storage/s3/fetch-transport.ts";
export type { Transport, TransportRequest, TransportResponse } from "./storage/s3/transport.ts";
export type {
	ByteRange,
	ByteSource,
	Checksum,
	Condition,
	CopySource,
	ListItem,
	ListOptions,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "./storage/store.ts";
