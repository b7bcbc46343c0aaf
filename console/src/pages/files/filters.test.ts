import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../query/codec";
import { FILTERS, NO_FILTERS, filterCount, sizeText, sizeTyped, withFilters } from "./filters";

describe("the filters of fields", () => {
  it("stand in the address", () => {
    const chosen = { kind: "file" as const, owner: "Anna", min_size: 1_000_000_000, changed_since: "2026-01-31" };
    const address = encode(FILTERS, chosen);
    expect(address).toBe("kind=file&owner=Anna&min_size=1000000000&changed_since=2026-01-31");
    expect(decode(FILTERS, address)).toEqual(chosen);
    expect([filterCount(chosen), filterCount(NO_FILTERS)]).toEqual([4, 0]);
  });

  it("are asked with what was typed, which counts where both say something", () => {
    const fields = { kind: "file", owner: "Anna", min_size: 5, changed_since: "2026-01-31" };
    const asked = { q: "plan", kind: ["file"], owner: "Anna", min_size: 5, changed_since: "2026-01-31T00:00:00Z" };
    expect(withFilters({ q: "plan" }, fields)).toEqual(asked);
    expect(withFilters({ q: "plan", owner: "Bert" }, fields)).toEqual({ ...asked, owner: "Bert" });
    expect(withFilters({ q: "plan" }, NO_FILTERS)).toEqual({ q: "plan" });
  });

  it("leave a day out that is none", () => {
    expect(withFilters({}, { ...NO_FILTERS, changed_since: "yesterday" })).toEqual({});
    expect(filterCount({ ...NO_FILTERS, changed_since: "yesterday" })).toBe(0);
  });

  it("read every size that they write", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (size) => sizeTyped(sizeText(size)) === size));
    expect([1500, 1_500_000_000, 1_234_567].map(sizeText)).toEqual(["1.5 kB", "1.5 GB", "1234567 B"]);
    expect([sizeTyped("10 mb"), sizeTyped(" "), sizeTyped("large")]).toEqual([10_000_000, null, undefined]);
  });
});
