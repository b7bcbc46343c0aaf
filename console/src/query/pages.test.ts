import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PAGE_ROWS, pagesInSight } from "./pages";

describe("the pages in sight", () => {
  it("have every row in sight, the last one too, and no page besides", () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.integer({ min: 0, max: 100 }), (first, more) => {
        const pages = pagesInSight({ first, last: first + more });
        expect(pages[0]).toBe(Math.floor(first / PAGE_ROWS));
        expect(pages[pages.length - 1]).toBe(Math.floor((first + more) / PAGE_ROWS));
        expect(pages.length).toBeLessThanOrEqual(2);
      }),
    );
  });

  it("are few, however much somebody has in sight", () => {
    expect(pagesInSight({ first: 0, last: 100_000 })).toEqual([0, 1, 2, 3]);
  });
});
