import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choice, decode, encode, flag, list, text, whole, type Values } from "./codec";

const CODEC = {
  q: text(),
  endpoint: list(),
  sort: choice(["path", "size", "modified"], "path"),
  deleted: flag(),
  min_size: whole(),
};

const values: fc.Arbitrary<Values<typeof CODEC>> = fc.record({
  q: fc.string({ unit: "grapheme" }),
  endpoint: fc.array(fc.string({ minLength: 1, unit: "grapheme" })),
  sort: fc.constantFrom("path", "size", "modified"),
  deleted: fc.boolean(),
  min_size: fc.option(fc.nat()),
});

describe("the codec of addresses", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(values, (some) => {
        expect(decode(CODEC, encode(CODEC, some))).toEqual(some);
      }),
    );
  });

  it("keeps parameters that it does not know", () => {
    fc.assert(
      fc.property(values, fc.string(), (some, odd) => {
        const search = new URLSearchParams({ other: odd }).toString();
        expect(new URLSearchParams(encode(CODEC, some, search)).get("other")).toBe(odd);
      }),
    );
  });

  it("leaves defaults out", () => {
    expect(encode(CODEC, decode(CODEC, ""))).toBe("");
  });

  it("takes what makes no sense for the default", () => {
    expect(decode(CODEC, "sort=backwards&min_size=-1&deleted=maybe")).toEqual(decode(CODEC, ""));
  });
});
