declare const brand: unique symbol;

/** A text that has been checked once, where it entered, and whose type says so. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };
