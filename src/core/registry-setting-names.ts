/** What can be set for a bucket. */

/** Server-side encryptions of S3. */
export const encryptions = ["AES256", "aws:kms", "aws:kms:dsse"] as const;
export type Encryption = (typeof encryptions)[number];

/** Where the bucket is in an address: in the path, or in the host name. */
export const addressings = ["path", "virtual"] as const;
export type Addressing = (typeof addressings)[number];

/** Settings of one bucket; what is absent is as the environment and the AWS profile say. */
export type RegistrySettings = {
	/** Address of the S3 server. */
	readonly endpoint?: string;
	readonly region?: string;
	/** AWS profile whose keys, region and endpoint count here, before a login and before `AWS_*` variables. */
	readonly profile?: string;
	readonly addressing?: Addressing;
	/** Agree to pay for the traffic. */
	readonly requesterPays?: boolean;
	/** How the server is to encrypt what is written; absent: as the bucket is set up. */
	readonly encryption?: Encryption;
	/** Id, ARN or alias of the key; only with an encryption of KMS. */
	readonly kmsKeyId?: string;
	/** Send requests unsigned, whatever keys there are. */
	readonly anonymous?: boolean;
};

export type RegistrySettingName = keyof RegistrySettings;

export const registrySettingNames = [
	"endpoint",
	"region",
	"profile",
	"addressing",
	"requesterPays",
	"encryption",
	"kmsKeyId",
	"anonymous",
] as const satisfies readonly RegistrySettingName[];
