// What core uses beside the library of ES2023: pure, and the same in every
// runtime; core compiles without DOM and Node types, so they are declared here.

interface Utf8Encoder {
	encode(text: string): Uint8Array<ArrayBuffer>;
}
declare const TextEncoder: new () => Utf8Encoder;

interface Utf8Decoder {
	decode(bytes: Uint8Array): string;
}
declare const TextDecoder: new (
	label: "utf-8",
	options: { readonly fatal?: boolean; readonly ignoreBOM?: boolean },
) => Utf8Decoder;
