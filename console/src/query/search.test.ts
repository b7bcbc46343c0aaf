import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasNumbers, parseSearch } from "./search";

describe("what is typed to find files", () => {
  it.each([
    ["plan", { q: "plan" }],
    ["ext:dwg", { q: "*.dwg" }],
    ["ext:.dwg plan", { q: "*plan*.dwg" }],
    ["size:>1gb", { min_size: 1_000_000_000 }],
    ["size:<1.5MB", { max_size: 1_500_000 }],
    ['owner:"Anna B" x', { owner: "Anna B", q: "x" }],
    ["kind:folder kind:file", { kind: ["folder", "file"] }],
    ["changed:>2026-01-01 changed:<2026-02-01", { changed_since: "2026-01-01T00:00:00Z", changed_before: "2026-02-01T00:00:00Z" }],
    ["hash:md5:ab", { hash: "md5:ab" }],
    ['"size:>1gb"', { q: "size:>1gb" }],
    ["size:huge", { q: "size:huge" }],
    ["c:drive", { q: "c:drive" }],
    ["", {}],
  ])("%s", (text, found) => {
    expect(parseSearch(text)).toEqual(found);
  });

  it("never fails, whatever is typed", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => parseSearch(text) !== null));
  });

  it("knows which rows have numbers", () => {
    expect([hasNumbers({}), hasNumbers({ q: "a b" }), hasNumbers({ q: "*.dwg" }), hasNumbers({ q: "a/b" })]).toEqual([true, true, false, false]);
  });
});
