import ts from "typescript";
import type { Shape } from "./slice-shape.ts";

export type Shaper = {
  shapeOf(type: ts.Type): Shape;
  /** Puts a named type among the definitions. */
  define(type: ts.Type): void;
  definitions: Map<string, Shape>;
};

/** Turns types of the SDK's declarations into shapes; API objects that are none of `roots` are left as their ids. */
export function openShaper(checker: ts.TypeChecker, roots: ReadonlySet<string>): Shaper {
  const definitions = new Map<string, Shape>();

  function shapeOf(type: ts.Type): Shape {
    const plain = plainShape(type);
    if (plain !== undefined) return plain;
    if (type.isUnion()) return shapeOfUnion(type.types);
    if (type.isIntersection()) return shapeOfIntersection(type);
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      return { list: item === undefined ? "any" : shapeOf(item) };
    }
    const name = nameOf(checker, type);
    if (name === "Decimal" || name === "DecimalImpl") return "decimal";
    if (isForeignObject(type)) return "any";
    if (name === undefined) return shapeOfMembers(type);
    if (!definitions.has(name)) {
      definitions.set(name, "any");
      definitions.set(name, shapeOfMembers(type));
    }
    return { ref: name };
  }

  function shapeOfUnion(types: readonly ts.Type[]): Shape {
    const words: (string | number | boolean)[] = [];
    let open = false;
    const others: Shape[] = [];
    const hasString = types.some((type) => (type.flags & ts.TypeFlags.String) !== 0);
    for (const type of types) {
      if (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) continue;
      if (hasString && isForeignObject(type)) continue;
      if (type.isStringLiteral() || type.isNumberLiteral()) words.push(type.value);
      else if (isOtherString(type)) open = true;
      else if (!(type.flags & ts.TypeFlags.BooleanLiteral && others.includes("boolean"))) {
        others.push(type.flags & ts.TypeFlags.BooleanLiteral ? booleanOf(types, type) : shapeOf(type));
      }
    }
    if (words.length > 0) {
      others.unshift({ words: words.toSorted(), ...(open ? { open } : {}) });
    } else if (open) others.unshift("string");
    const distinct = [...new Map(others.map((shape) => [JSON.stringify(shape), shape])).values()];
    const [first] = distinct;
    return distinct.length === 1 && first !== undefined ? first : { either: distinct };
  }

  function booleanOf(types: readonly ts.Type[], type: ts.Type): Shape {
    const both = types.filter((one) => one.flags & ts.TypeFlags.BooleanLiteral).length === 2;
    return both ? "boolean" : { words: [checker.typeToString(type) === "true"] };
  }

  function shapeOfIntersection(type: ts.IntersectionType): Shape {
    if (isOtherString(type)) return "string";
    if (checker.typeToString(type).includes("Decimal")) return "decimal";
    return shapeOfMembers(type);
  }

  function shapeOfMembers(type: ts.Type): Shape {
    const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    if (index !== undefined) return { map: shapeOf(index.type) };
    const fields: Record<string, Shape> = {};
    for (const property of checker.getPropertiesOfType(type)) {
      const declared = checker.getTypeOfSymbol(property);
      if (declared.getCallSignatures().length > 0) continue;
      const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const shape = shapeOf(declared);
      if (optional && JSON.stringify(shape) === '{"either":[]}') continue;
      fields[optional ? `${property.name}?` : property.name] = shape;
    }
    return { fields };
  }

  /** An API object is an interface that says so in its member `object`. */
  function isForeignObject(type: ts.Type): boolean {
    const property = type.getProperty("object");
    if (property === undefined || type.isUnion()) return false;
    const name = type.symbol.name;
    if (name.startsWith("V1") || name.startsWith("ApiList")) return false;
    const isObject = checker.getTypeOfSymbol(property).isStringLiteral();
    return isObject && !roots.has(name);
  }

  return { shapeOf, define: (type) => void shapeOf(type), definitions };
}

function plainShape(type: ts.Type): Shape | undefined {
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return "any";
  if (type.flags & ts.TypeFlags.Null) return "null";
  if (type.flags & ts.TypeFlags.String) return "string";
  if (type.flags & ts.TypeFlags.Number) return "number";
  if (type.flags & (ts.TypeFlags.BigInt | ts.TypeFlags.BigIntLiteral)) return "string";
  if (type.isStringLiteral() || type.isNumberLiteral()) return { words: [type.value] };
  if (type.flags & ts.TypeFlags.Boolean) return "boolean";
  if (type.flags & ts.TypeFlags.BooleanLiteral && "intrinsicName" in type) {
    return { words: [type.intrinsicName === "true"] };
  }
  if (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) return { either: [] };
  return undefined;
}

/** `OtherString` is `string & {}`: the SDK's word for an enumeration that may grow. */
function isOtherString(type: ts.Type): boolean {
  return type.isIntersection() && type.types.some((one) => (one.flags & ts.TypeFlags.String) !== 0);
}

/** Generic instances have no name of their own; two files may declare the same name, so the file goes before it. */
function nameOf(checker: ts.TypeChecker, type: ts.Type): string | undefined {
  const symbol = type.aliasSymbol ?? (type.flags & ts.TypeFlags.Object ? type.symbol : undefined);
  if (symbol === undefined || symbol.name.startsWith("__")) return undefined;
  if (checker.getTypeArguments(type as ts.TypeReference).length > 0) return undefined;
  if (symbol.name === "Decimal" || symbol.name === "DecimalImpl") return symbol.name;
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? "";
  const folder = /resources\/(.+)\.d\.ts$/.exec(file)?.[1] ?? "shared";
  return `${folder}:${checker.getFullyQualifiedName(symbol).replace(/^".*"\./, "")}`;
}
