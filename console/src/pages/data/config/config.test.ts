import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { depths, layout } from "./layout";
import { EMPTY_DRAFT, columnKey, estimate, isUsed, relationKey, rowsAfter, ruleKey, type BarValues, type Found, type Relation, type Rule } from "./model";
import { parseValue, requestOf } from "./request";

const RELATION: Relation = { parent: "customers", parentColumns: ["id"], child: "orders", childColumns: ["customer_id"], origin: "proposed", multiplicity: "one_to_many", score: 0.7, inclusion: 1 };
const RULE: Rule = { table: "orders", kind: "at_most", columns: ["a", "b"], operator: null, value: null, expression: null, origin: "detected", support: 900, share: 1, counterExamples: [] };
const column = (name: string, type = "int64") => ({ name, type, role: null, personKind: null, nulls: 0, distinct: 3, isNullable: false });
const FOUND: Found = {
  tables: [
    { name: "customers", rows: 100, columns: [column("id"), column("country", "string")], primaryKey: ["id"] },
    { name: "orders", rows: 900, columns: [column("id"), column("customer_id"), column("spent", "decimal128(10, 2)")], primaryKey: ["id"] },
  ],
  relations: [RELATION],
  rules: [RULE],
};
const BAR: BarValues = { scale: 2, seed: 7, format: "csv", engine: "core", locale: "en_US", threshold: 0.8 };

describe("the graph of tables", () => {
  it("has parents before children, and goes on where there is a circle", () => {
    const found = depths(["orders", "customers", "items"], [{ parent: "customers", child: "orders" }, { parent: "orders", child: "items" }, { parent: "customers", child: "customers" }]);
    expect(Object.fromEntries(found)).toEqual({ customers: 0, orders: 1, items: 2 });
    expect(layout(["a", "b"], [{ parent: "a", child: "b" }, { parent: "b", child: "a" }])).toHaveLength(2);
  });

  it("gives each table a place of its own, and the same one each time", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 12 });
    const tables = names.chain((some) => fc.tuple(fc.constant(some), fc.array(fc.tuple(fc.constantFrom(...some), fc.constantFrom(...some)), { maxLength: 20 })));
    fc.assert(
      fc.property(tables, ([some, pairs]) => {
        const edges = pairs.map(([parent, child]) => ({ parent, child }));
        const nodes = layout(some, edges);
        expect(nodes.map((node) => node.name).sort()).toEqual([...some].sort());
        expect(new Set(nodes.map((node) => `${node.column} ${node.row}`)).size).toBe(some.length);
        expect(layout(some, edges)).toEqual(nodes);
      }),
    );
  });
});

describe("what a configuration asks for", () => {
  it("sends of what was found only what somebody decided", () => {
    const request = requestOf(FOUND, EMPTY_DRAFT, BAR, { paths: ["uploads/a.csv"], sources: ["crm"] });
    expect(request).toMatchObject({ data_sources: [{ type: "local", file_paths: ["uploads/a.csv"] }], sources: ["crm"], rules: [], conditions: [], scale: 2, random_seed: 7, wait_s: 0 });
    expect(request.relationships).toBeUndefined();
    expect(request.columns).toBeUndefined();
  });

  it("confirms and refuses relations by the parent's key and the child's column", () => {
    const said = (what: "accepted" | "refused") => requestOf(FOUND, { ...EMPTY_DRAFT, relations: { [relationKey(RELATION)]: what } }, BAR, { paths: [], sources: [] }).relationships;
    expect(said("accepted")).toEqual([{ source_table: "customers", source_column: "id", target_table: "orders", target_column: "customer_id", relationship_type: "one_to_many" }]);
    expect(said("refused")?.[0]?.relationship_type).toBe("none");
    expect([isUsed(RELATION, EMPTY_DRAFT), isUsed({ ...RELATION, origin: "detected" }, EMPTY_DRAFT)]).toEqual([false, true]);
  });

  it("switches rules off, adds others, changes roles, and puts conditions of a table together", () => {
    const draft = {
      ...EMPTY_DRAFT,
      rulesOff: [ruleKey(RULE)],
      addedRules: [{ table: "orders", expression: "spent >= 0" }],
      columns: { [columnKey("customers", "country")]: { role: "person", personKind: "country" } },
      conditions: [
        { table: "orders", column: "spent", kind: "between" as const, value: "5", upper: "" },
        { table: "customers", column: "country", kind: "in" as const, value: "DE, FR", upper: "" },
        { table: "orders", column: "gone", kind: "is" as const, value: "1", upper: "" },
      ],
    };
    const request = requestOf(FOUND, draft, BAR, { paths: [], sources: [] });
    expect(request.rules).toEqual([{ table: "orders", kind: "at_most", columns: ["a", "b"], enabled: false }, { table: "orders", kind: "sql", expression: "spent >= 0" }]);
    expect(request.columns).toEqual([{ table: "customers", column: "country", role: "person", person_kind: "country" }]);
    expect(request.conditions).toEqual([{ table: "orders", where: { spent: { min: 5 } } }, { table: "customers", where: { country: ["DE", "FR"] } }]);
  });

  it("takes a value for a number only in a column of numbers", () => {
    expect([parseValue("007", true), parseValue("007", false), parseValue(" ", true), parseValue("x", true)]).toEqual([7, "007", null, "x"]);
  });

  it("estimates by the scale, by rows that were asked for, and says when it does not know", () => {
    expect(Object.fromEntries(rowsAfter(FOUND.tables, { ...EMPTY_DRAFT, rows: { orders: 5 }, keep: ["customers"] }, 10))).toEqual({ customers: 100, orders: 5 });
    expect(estimate(FOUND, EMPTY_DRAFT, BAR)).toMatchObject({ tables: 2, rows: 2000 });
    const [first] = FOUND.tables;
    expect(estimate({ ...FOUND, tables: [{ ...(first as Found["tables"][number]), rows: null }] }, EMPTY_DRAFT, BAR).rows).toBeNull();
  });
});
