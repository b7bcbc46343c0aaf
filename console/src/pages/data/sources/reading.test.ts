import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choicesOf, formOf } from "./reading";

const FOUND_OUT = { delimiter: null, encoding: null, header_row: null, sheet: null, types: {} };

describe("how a file is read", () => {
  it("is found out where nobody says anything", () => {
    expect(choicesOf(formOf(FOUND_OUT))).toEqual(FOUND_OUT);
  });

  it("is sent as it was filled in", () => {
    const form = { delimiter: "\t", encoding: " cp1252 ", headerRow: "0", sheet: "", types: "postcode: text\n\namount: decimal" };
    expect(choicesOf(form)).toEqual({ delimiter: "\t", encoding: "cp1252", header_row: 0, sheet: null, types: { postcode: "text", amount: "decimal" } });
  });

  it("is in the form as it was sent", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    const choices = fc.record({ delimiter: fc.constantFrom(null, ",", ";", "\t", "|"), encoding: fc.option(word), header_row: fc.option(fc.nat(1000)), sheet: fc.option(word), types: fc.dictionary(word, word) });
    fc.assert(fc.property(choices, (some) => { expect(choicesOf(formOf(some))).toEqual({ ...some, types: { ...some.types } }); }));
  });
});
