/** JSON to the byte as Python and quilt3 8.0.0 read and write it. Rules: `docs/format.md`, JSON text. */
export { emptyObject, Float, isJsonArray, isJsonObject, isTruthy } from "./json-types.ts";
export type { Json, JsonObject } from "./json-types.ts";
export { JsonReader, JsonSyntaxError, parseJson } from "./json-parse.ts";
export { formatCanonicalJson, formatManifestJson, formatPythonJson } from "./json-format.ts";
export { fromJson, jsonEquals, toJson } from "./json-convert.ts";
