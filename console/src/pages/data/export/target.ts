/** The database that a generation is written into: a source that there is, or one that is described here. */
import { filled, lacking, type Config, type Schema } from "../../../forms/schema";

export const DATABASE_KIND = "postgres";
/** What PostgreSQL keeps of a name. */
const SCHEMA_MAX_BYTES = 63;

export interface TargetChoice {
  /** The name of a source; "": the database of `config`. */
  source: string;
  config: Config;
  schema: string;
}

export type Target = { source: string; schema: string } | { type: string; config: Config; schema: string };

/** Fields about which tables are read: nothing is read here. */
const READING = "Tables";

/** The part of a source's form that says which database it is, and who asks. */
export function connectionForm(form: Schema): Schema {
  const kept = Object.entries(form.properties ?? {}).filter(([, field]) => field["x-group"] !== READING);
  return { ...form, properties: Object.fromEntries(kept) };
}

/** What is sent. */
export function targetOf(choice: TargetChoice, form: Schema): Target {
  const schema = choice.schema.trim();
  return choice.source ? { source: choice.source, schema } : { type: DATABASE_KIND, config: filled(choice.config, form, form), schema };
}

/** The field that has nothing, or what cannot be: its name in the form; null when all is well. */
export function missingIn(choice: TargetChoice, form: Schema): string | null {
  if (!choice.source) {
    const found = lacking(choice.config, form, form);
    if (found) return found;
  }
  const size = new TextEncoder().encode(choice.schema.trim()).length;
  return size === 0 || size > SCHEMA_MAX_BYTES ? "schema" : null;
}

/** The field of the form that an answer speaks of: `target.config.host` is `host` there. */
export function targetField(field: string | null): string | null {
  return field ? field.replace(/^target\.(config\.)?/, "") : null;
}
