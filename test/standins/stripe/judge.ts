import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { resolveShape } from "./read-slice.ts";
import type { Shape } from "./slice-shape.ts";

/** A parameter that Stripe would refuse, in its words. */
export type Problem = { code?: string; message: string; param: string };

export type Judged = { value: Json; problems: Problem[] };

type Place = { param: string; form: boolean };

/** Judges the parameters of a request and turns a form's text into what the shape says; `form` is false for JSON. */
export function judgeParams(
  shape: Shape,
  params: JsonObject,
  form: boolean,
): { value: JsonObject; problems: Problem[] } {
  const { value, problems } = judge(shape, params, { param: "", form });
  return { value: isObject(value) ? value : {}, problems };
}

function judge(shape: Shape, value: Json, place: Place): Judged {
  const whole = resolveShape(shape);
  if (whole === "any") return { value, problems: [] };
  if (typeof whole === "string") return judgePlain(whole, value, place);
  if ("words" in whole) return judgeWords(whole.words, value, place);
  if ("list" in whole) return judgeList(whole.list, value, place);
  if ("map" in whole) return judgeMap(whole.map, value, place);
  if ("fields" in whole) return judgeFields(whole.fields, value, place);
  const tried = whole.either.map((one) => judge(one, value, place));
  const best = tried.toSorted((a, b) => badness(a, value) - badness(b, value))[0];
  return best ?? refuse(value, place, "Unknown parameter");
}

/** The alternative that went furthest wins, so that the refusal names the inner parameter. */
function badness({ problems }: Judged, value: Json): number {
  if (problems.length === 0) return 0;
  const deep = isObject(value) ? problems.some(({ code }) => code === "parameter_invalid_hash") : false;
  return problems.length + (deep ? 1000 : 0);
}

function judgePlain(
  kind: "string" | "number" | "boolean" | "decimal" | "null",
  value: Json,
  place: Place,
): Judged {
  if (!place.form) return judgeJson(kind, value, place);
  if (typeof value !== "string") return refuse(value, place, `Invalid ${kind}: ${JSON.stringify(value)}`);
  if (kind === "null") return value === "" ? fine(null) : refuse(value, place, `Invalid null: ${value}`);
  if (value === "") return empty(place);
  if (kind === "string") {
    // `parameter_invalid_string` in this stand-in's slice is Stripe's limit for an ordinary text.
    return value.length > 5000 ? refuse(value, place, `Invalid string: ${value.slice(0, 20)}…`) : fine(value);
  }
  if (kind === "boolean") {
    return /^(true|false)$/.test(value)
      ? fine(value === "true")
      : refuse(value, place, `Invalid boolean: ${value}`);
  }
  if (kind === "decimal") {
    const places = /^-?\d+(?:\.(\d+))?$/.exec(value);
    if (places === null) return refuse(value, place, `Invalid decimal: ${value}`);
    return (places[1]?.length ?? 0) > 12
      ? refuse(value, place, `Invalid decimal: ${value}; must contain at maximum 12 decimal places.`)
      : fine(value);
  }
  if (/percent(age)?\]?$/.test(place.param) && /^-?\d+(\.\d+)?$/.test(value)) return fine(Number(value));
  return /^-?\d+$/.test(value) && Number.isSafeInteger(Number(value))
    ? fine(Number(value))
    : refuse(value, place, `Invalid integer: ${value}`, "parameter_invalid_integer");
}

function judgeJson(
  kind: "string" | "number" | "boolean" | "decimal" | "null",
  value: Json,
  place: Place,
): Judged {
  const wanted = kind === "decimal" ? "string" : kind;
  const came = value === null ? "null" : typeof value;
  return came === wanted ? fine(value) : refuse(value, place, `Invalid ${kind}: ${JSON.stringify(value)}`);
}

function judgeWords(words: readonly (string | number | boolean)[], value: Json, place: Place): Judged {
  const found = words.find((word) => (place.form ? String(word) === value : word === value));
  if (found !== undefined) return fine(found);
  if (value === "") return empty(place);
  const named = words.map(String);
  const last = named.pop() ?? "";
  const list = named.length === 0 ? last : `${named.join(", ")}, or ${last}`;
  return refuse(value, place, `Invalid ${place.param}: must be one of ${list}`);
}

function judgeList(item: Shape, value: Json, place: Place): Judged {
  const values = listOf(value, place.form);
  if (values === undefined) {
    return refuse(value, place, `Invalid array`, "parameter_invalid_array");
  }
  const judged = values.map((one, index) =>
    judge(item, one, { ...place, param: `${place.param}[${index}]` }),
  );
  return { value: judged.map((one) => one.value), problems: judged.flatMap(({ problems }) => problems) };
}

function listOf(value: Json, form: boolean): Json[] | undefined {
  if (Array.isArray(value)) return value;
  if (!form || !isObject(value)) return undefined;
  const keys = Object.keys(value);
  return keys.every((key, index) => key === String(index)) ? Object.values(value) : undefined;
}

function judgeMap(item: Shape, value: Json, place: Place): Judged {
  if (!isObject(value)) return refuse(value, place, `Invalid object`, "parameter_invalid_hash");
  const problems: Problem[] = [];
  const read: JsonObject = {};
  const isMetadata = /(^|\[)metadata\]?$/.test(place.param);
  if (isMetadata && Object.keys(value).length > 50) {
    problems.push({ message: "Metadata can have up to 50 keys", param: place.param });
  }
  for (const [name, one] of Object.entries(value)) {
    const param = inner(place.param, name);
    const unset = isMetadata && one === "";
    const judged = unset ? fine("") : judge(item, one, { ...place, param });
    read[name] = judged.value;
    problems.push(...judged.problems);
    if (isMetadata && name.length > 40) {
      problems.push({ message: `Metadata key ${name} can be up to 40 characters`, param });
    }
    if (isMetadata && typeof one === "string" && one.length > 500) {
      problems.push({ message: `Metadata value of ${name} can be up to 500 characters`, param });
    }
  }
  return { value: read, problems };
}

function judgeFields(fields: Readonly<Record<string, Shape>>, value: Json, place: Place): Judged {
  if (!isObject(value)) return refuse(value, place, `Invalid object`, "parameter_invalid_hash");
  const problems: Problem[] = [];
  const read: JsonObject = {};
  for (const [name, one] of Object.entries(value)) {
    const param = inner(place.param, name);
    const shape = Object.hasOwn(fields, name) ? fields[name] : fields[`${name}?`];
    if (shape === undefined || name.endsWith("?")) {
      problems.push({ code: "parameter_unknown", message: `Received unknown parameter: ${param}`, param });
      continue;
    }
    const judged = judge(shape, one, { ...place, param });
    read[name] = judged.value;
    problems.push(...judged.problems);
  }
  for (const name of Object.keys(fields)) {
    if (name.endsWith("?") || name in value) continue;
    const param = inner(place.param, name);
    problems.push({ code: "parameter_missing", message: `Missing required param: ${param}.`, param });
  }
  return { value: read, problems };
}

function inner(param: string, name: string): string {
  return param === "" ? name : `${param}[${name}]`;
}

function fine(value: Json): Judged {
  return { value, problems: [] };
}

function refuse(value: Json, { param }: Place, message: string, code?: string): Judged {
  return { value, problems: [{ message, param, ...(code === undefined ? {} : { code }) }] };
}

function empty({ param }: Place): Judged {
  const name = /([^[\]]+)\]?$/.exec(param)?.[1] ?? param;
  const message = `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset. You should remove '${param}' from your request or supply a non-empty value.`;
  return { value: "", problems: [{ code: "parameter_invalid_empty", message, param }] };
}
