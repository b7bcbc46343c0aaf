/**
 * What of a page is in its address: typed parameters, defaults left out, unknown ones kept.
 *
 * A codec is a table of fields: `{ endpoint: list(), sort: choice(["path", "size"], "path"), deleted: flag() }`.
 */

export interface Field<T> {
  readonly initial: T;
  /** The value of what stands in the address; the default where it makes no sense. */
  read(texts: string[]): T;
  /** What stands in the address; nothing for the default. */
  write(value: T): string[];
}

export type Codec = Record<string, Field<never> | Field<unknown>>;
export type Values<C extends Codec> = { [K in keyof C]: C[K] extends Field<infer T> ? T : never };

export function text(initial = ""): Field<string> {
  return { initial, read: ([first]) => first ?? initial, write: (value) => (value === initial ? [] : [value]) };
}

export function list(): Field<readonly string[]> {
  return { initial: [], read: (texts) => texts.filter((one) => one !== ""), write: (value) => value.filter((one) => one !== "") };
}

export function choice<const T extends string>(choices: readonly T[], initial: T): Field<T> {
  return {
    initial,
    read: ([first]) => choices.find((one) => one === first) ?? initial,
    write: (value) => (value === initial ? [] : [value]),
  };
}

export function flag(): Field<boolean> {
  return { initial: false, read: ([first]) => first === "1" || first === "true", write: (value) => (value ? ["1"] : []) };
}

export function whole(initial: number | null = null): Field<number | null> {
  return {
    initial,
    read: ([first]) => (first !== undefined && /^\d{1,15}$/.test(first) ? Number(first) : initial),
    write: (value) => (value === initial || value === null ? [] : [String(value)]),
  };
}

export function decode<C extends Codec>(codec: C, search: string): Values<C> {
  const given = new URLSearchParams(search);
  const entries = Object.entries(codec).map(([name, field]) => [name, (field as Field<unknown>).read(given.getAll(name))]);
  return Object.fromEntries(entries) as Values<C>;
}

/** The search of an address, with what `search` had besides. */
export function encode<C extends Codec>(codec: C, values: Values<C>, search = ""): string {
  const made = new URLSearchParams(search);
  for (const [name, field] of Object.entries(codec)) {
    made.delete(name);
    for (const one of (field as Field<unknown>).write(values[name])) made.append(name, one);
  }
  return made.toString();
}

/** Whether a text of an address is a moment, as this console writes it. */
export function isMoment(value: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value) && !Number.isNaN(Date.parse(value));
}
