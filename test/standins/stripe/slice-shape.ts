/**
 * What a value must look like. `fields` marks the ones that may be missing by a trailing "?"; `open` says that Stripe may send
 * words not listed; `ref` points into the slice's definitions.
 */
export type Shape =
  | "string"
  | "number"
  | "boolean"
  | "decimal"
  | "null"
  | "any"
  | { readonly words: readonly (string | number | boolean)[]; readonly open?: true }
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> }
  | { readonly either: readonly Shape[] }
  | { readonly ref: string };

export type SliceOperation = {
  /** As the SDK names it, e.g. `Billing/Meters.create`. */
  name: string;
  method: string;
  /** E.g. `/v1/billing/meters/{id}`. */
  path: string;
  params: Shape;
  /** `one` answers an object, `list` a page of them. */
  answer: { kind: "one" | "list"; of: Shape };
};

/** The part of Stripe's API that the stand-in answers, as the installed SDK declares it. */
export type Slice = {
  source: string;
  apiVersion: string;
  operations: SliceOperation[];
  definitions: Record<string, Shape>;
};
