import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controlOf, fieldsOf, filled, groupsOf, lacking, pairsText, parsePairs, type Schema } from "./schema";

const ROOT: Schema = {
  type: "object",
  required: ["host", "endpoints"],
  $defs: {
    Auth: { type: "object", properties: { token: { type: "string", writeOnly: true } } },
    Endpoint: { type: "object", required: ["path"], properties: { path: { type: "string" } } },
  },
  properties: {
    port: { type: "integer", default: 5432, "x-order": 1, "x-group": "Connection" },
    host: { type: "string", "x-order": 0, "x-group": "Connection" },
    auth: { $ref: "#/$defs/Auth", "x-order": 2, "x-group": "Credentials" },
    password: { type: "string", format: "password", writeOnly: true, "x-order": 3, "x-group": "Credentials" },
    tables: { type: "array", items: { type: "string" }, "x-order": 4 },
    endpoints: { type: "array", items: { $ref: "#/$defs/Endpoint" }, "x-order": 5 },
    where: { type: "object", additionalProperties: { type: "string" }, "x-order": 6 },
    headers: { type: "object", additionalProperties: { type: "string", writeOnly: true }, "x-order": 7 },
    sslmode: { type: "string", enum: ["prefer", "require"], "x-order": 8 },
  },
};

describe("forms of schemas", () => {
  it("has a control for each kind of field, in the server's order and groups", () => {
    const fields = fieldsOf(ROOT, ROOT);
    expect(fields.map((one) => [one.name, one.control])).toEqual([
      ["host", "text"],
      ["port", "whole"],
      ["auth", "group"],
      ["password", "secret"],
      ["tables", "names"],
      ["endpoints", "list"],
      ["where", "pairs"],
      ["headers", "secretPairs"],
      ["sslmode", "choice"],
    ]);
    expect(groupsOf(fields).map(([name, some]) => [name, some.length])).toEqual([["Connection", 2], ["Credentials", 2], ["", 5]]);
    expect(controlOf({}, ROOT)).toBe("json");
  });

  it("sends nothing that nobody filled in", () => {
    expect(filled({ host: "db", port: "", tables: [], where: {}, auth: { token: "" } }, ROOT, ROOT)).toEqual({ host: "db", auth: {} });
  });

  it("keeps a secret that is set, replaces it by what is typed, removes it when it is emptied", () => {
    const sent = (config: object) => filled(config as never, ROOT, ROOT, ["password", "auth.token", "headers.X"]);
    expect(sent({ auth: {} })).toEqual({ auth: { token: null }, password: null, headers: null });
    expect(sent({ password: "new" })).toMatchObject({ password: "new" });
    expect(sent({ password: "" })).toMatchObject({ password: "" });
  });

  it("names the first field that is required and empty", () => {
    expect(lacking({}, ROOT, ROOT)).toBe("host");
    expect(lacking({ host: "db", endpoints: [{ path: "/a" }, {}] }, ROOT, ROOT)).toBe("endpoints.1.path");
    expect(lacking({ host: "db", endpoints: [{ path: "/a" }] }, ROOT, ROOT)).toBeNull();
  });

  it("reads the pairs that it writes", () => {
    const name = fc.stringMatching(/^[a-z][a-z .]{0,8}[a-z]$/);
    const value = fc.stringMatching(/^[a-z0-9:>='-]{0,12}$/);
    fc.assert(fc.property(fc.dictionary(name, value), (pairs) => { expect(parsePairs(pairsText(pairs))).toEqual({ ...pairs }); }));
  });
});
