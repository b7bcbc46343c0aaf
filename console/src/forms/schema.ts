/** Forms of what the server describes by JSON Schema: which field is which control, and what is sent of it. */

export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  enum?: readonly (string | number)[];
  default?: unknown;
  format?: string;
  writeOnly?: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  anyOf?: readonly Schema[];
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
  "x-group"?: string;
  "x-order"?: number;
}

/** What a field is edited with; `json` is for what no control fits, and no connector has one. */
export type Control = "text" | "secret" | "lines" | "whole" | "number" | "choice" | "flag" | "names" | "pairs" | "secretPairs" | "group" | "list" | "json";

export type Config = Readonly<Record<string, unknown>>;

export interface FormField {
  name: string;
  control: Control;
  schema: Schema;
  isRequired: boolean;
}

/** A schema with what it refers to put in its place. */
export function resolve(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  const found = name === undefined ? undefined : root.$defs?.[name];
  if (!found) return schema;
  return { ...found, ...schema, $ref: undefined };
}

export function controlOf(schema: Schema, root: Schema): Control {
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "string":
      return schema.writeOnly || schema.format === "password" ? "secret" : schema.format === "textarea" ? "lines" : "text";
    case "integer":
      return "whole";
    case "number":
      return "number";
    case "boolean":
      return "flag";
    case "array": {
      const items = schema.items ? resolve(schema.items, root) : undefined;
      return items?.type === "string" ? "names" : items?.properties ? "list" : "json";
    }
    case "object": {
      if (schema.properties) return "group";
      const values = schema.additionalProperties;
      if (typeof values !== "object") return "json";
      return values.writeOnly ? "secretPairs" : "pairs";
    }
    default:
      return "json";
  }
}

/** The fields of an object, in their order. */
export function fieldsOf(schema: Schema, root: Schema): FormField[] {
  const entries = Object.entries(schema.properties ?? {}).map(([name, raw]) => {
    const field = resolve(raw, root);
    return { name, schema: field, control: controlOf(field, root), isRequired: schema.required?.includes(name) ?? false };
  });
  return entries.sort((a, b) => (a.schema["x-order"] ?? 0) - (b.schema["x-order"] ?? 0));
}

/** The fields in the groups in which the server has them. */
export function groupsOf(fields: readonly FormField[]): [group: string, fields: FormField[]][] {
  const groups = new Map<string, FormField[]>();
  for (const field of fields) {
    const name = field.schema["x-group"] ?? "";
    groups.set(name, [...(groups.get(name) ?? []), field]);
  }
  return [...groups];
}

/** `name: value` for each line, and back. */
export function pairsText(pairs: unknown): string {
  if (pairs === null || typeof pairs !== "object") return "";
  return Object.entries(pairs)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("\n");
}

export function parsePairs(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    const name = (at < 0 ? line : line.slice(0, at)).trim();
    if (name) found[name] = at < 0 ? "" : line.slice(at + 1).trim();
  }
  return found;
}

export function parseNames(text: string): string[] {
  return text
    .split("\n")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) ? value.length === 0 : typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

/** What is sent: without what nobody filled in. `null` keeps a secret that is set, `""` of one that is set removes it. */
export function filled(config: Config, schema: Schema, root: Schema, secretsSet: readonly string[] = [], path = ""): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  for (const { name, control, schema: field } of fieldsOf(schema, root)) {
    const value = config[name];
    const here = path ? `${path}.${name}` : name;
    if (control === "secret") {
      const isSet = secretsSet.includes(here);
      if (typeof value === "string" && (value !== "" || isSet)) sent[name] = value;
      else if (isSet) sent[name] = null;
    } else if (control === "group" && value !== null && typeof value === "object") {
      sent[name] = filled(value as Config, field, root, secretsSet, here);
    } else if (control === "list" && Array.isArray(value)) {
      const item = field.items ? resolve(field.items, root) : field;
      sent[name] = value.map((one, at) => filled(one as Config, item, root, secretsSet, `${here}.${at}`));
    } else if (control === "secretPairs" && isEmpty(value) && secretsSet.some((one) => one === here || one.startsWith(`${here}.`))) {
      sent[name] = null;
    } else if (!isEmpty(value)) {
      sent[name] = value;
    }
  }
  return sent;
}

/** The first field that is required and has nothing; null when all have something. */
export function lacking(config: Config, schema: Schema, root: Schema, path = ""): string | null {
  for (const { name, control, schema: field, isRequired } of fieldsOf(schema, root)) {
    const value = config[name];
    const here = path ? `${path}.${name}` : name;
    if (isRequired && isEmpty(value)) return here;
    if (control === "group" && value && typeof value === "object") {
      const inner = lacking(value as Config, field, root, here);
      if (inner) return inner;
    }
    if (control === "list" && Array.isArray(value) && field.items) {
      const item = resolve(field.items, root);
      for (const [at, one] of value.entries()) {
        const inner = lacking(one as Config, item, root, `${here}.${at}`);
        if (inner) return inner;
      }
    }
  }
  return null;
}
