import { describe, expect, it } from "vitest";
import type { Schema } from "../../../forms/schema";
import { connectionForm, missingIn, targetField, targetOf } from "./target";

const FORM: Schema = {
  type: "object",
  required: ["host", "database"],
  properties: { host: { type: "string", "x-order": 0 }, database: { type: "string", "x-order": 1 }, password: { type: "string", writeOnly: true, "x-order": 2 }, port: { type: "integer", "x-order": 3 } },
};

describe("the database of an export", () => {
  it("is a source by its name, and nothing of the form goes with it", () => {
    expect(targetOf({ source: "shop", config: { host: "elsewhere" }, schema: " made " }, FORM)).toEqual({ source: "shop", schema: "made" });
  });

  it("has a form without what is for reading", () => {
    const all: Schema = { ...FORM, properties: { ...FORM.properties, tables: { type: "array", "x-group": "Tables" }, schema: { type: "string", "x-group": "Tables" } } };
    expect(Object.keys(connectionForm(all).properties ?? {})).toEqual(["host", "database", "password", "port"]);
  });

  it("is what was filled in", () => {
    expect(targetOf({ source: "", config: { host: "db", database: "test", password: "x", port: "" }, schema: "made" }, FORM)).toEqual({
      type: "postgres",
      config: { host: "db", database: "test", password: "x" },
      schema: "made",
    });
  });

  it("lacks what is required, and a schema of at most 63 bytes", () => {
    expect(missingIn({ source: "", config: { host: "db" }, schema: "made" }, FORM)).toBe("database");
    expect(missingIn({ source: "shop", config: {}, schema: " " }, FORM)).toBe("schema");
    expect(missingIn({ source: "shop", config: {}, schema: "ü".repeat(32) }, FORM)).toBe("schema");
    expect(missingIn({ source: "shop", config: {}, schema: "ü".repeat(31) }, FORM)).toBeNull();
  });

  it("finds the field that an answer speaks of", () => {
    expect(["target.config.host", "target.schema", "target.source", null].map(targetField)).toEqual(["host", "schema", "source", null]);
  });
});
